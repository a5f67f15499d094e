"""All catalogues: exercise -> its answers."""

from tests.answers import nb01, nb02, nb03, nb04, nb05, nb06, nb08

CATALOGUE = {
    name: answers
    for lesson in (nb01, nb02, nb03, nb04, nb05, nb06, nb08)
    for name, answers in lesson.ANSWERS.items()
}
