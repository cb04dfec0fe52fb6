/* sanitize.h — sanitizers in the programs under test, the plugin inside the stock broker included.
 *
 * All of this does nothing in a build without sanitizers.
 */
#ifndef GNATTER_TESTS_SANITIZE_H
#define GNATTER_TESTS_SANITIZE_H

#include <stdbool.h>

/* Paho 1.3.12 frees neither topic nor payload of what it was given and had not begun to send when
 * its connection ended (MQTTAsync_NULLPublishCommands). The SDK bounds it: what is on its way at a
 * time is 256 kB at most. */
#define SANITIZE_PAHO_LEAKS "leak:libpaho-mqtt3as\n"

/* Are we a build with sanitizers? */
bool sanitize_on(void);

/* Environment that makes a program write its reports into folder `logs`. preload: it is a stock
 * program into which a sanitized library is loaded. NULL-terminated; until the test is over. */
const char *const *sanitize_env(const char *logs, bool preload);

/* The first report in that folder that is about our code; NULL if there is none. */
char *sanitize_report(const char *logs);

#endif
