/* programs.h — where the other programs lie: beside this one (the build tree), or where `make
 * install` puts them. */
#ifndef GNATTERCTL_PROGRAMS_H
#define GNATTERCTL_PROGRAMS_H

#include <limits.h>
#include <stdbool.h>

/* Absolute paths; false if there is none, said on stderr. */
bool programs_daemon(char out[PATH_MAX]); /* gnatterd */
bool programs_plugin(char out[PATH_MAX]); /* gnatter.so */
bool programs_client(char out[PATH_MAX]); /* gnatter; as one would type it in this folder */
bool programs_broker(char out[PATH_MAX]); /* mosquitto: $MOSQUITTO, in $PATH, or in an sbin */

#endif
