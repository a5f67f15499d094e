"""All catalogues: exercise -> its answers."""

from tests.answers import clinic, nb01, nb02, nb03, nb04, nb05, nb06, nb07, nb08

CATALOGUE = {
    name: answers
    for lesson in (nb01, nb02, nb03, nb04, nb05, nb06, nb07, nb08, clinic)
    for name, answers in lesson.ANSWERS.items()
}
