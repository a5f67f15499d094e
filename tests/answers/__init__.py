"""All catalogues: exercise -> its answers."""

from tests.answers import clinic, nb01, nb02, nb03, nb04, nb05, nb06

CATALOGUE = {
    name: answers
    for lesson in (clinic, nb01, nb02, nb03, nb04, nb05, nb06)
    for name, answers in lesson.ANSWERS.items()
}
