/* guard.h — whatever a test program starts ends with it, however it ends. */
#ifndef GNATTER_TESTS_GUARD_H
#define GNATTER_TESTS_GUARD_H

/* Call first in main. Forks: the child returns and goes on as the test program; the parent stays as
 * its guard, and when the child ends (even by kill -9) kills every process that is left of it and
 * exits with its status. */
void guard_begin(void);

#endif
