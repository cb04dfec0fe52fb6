/* api.h — ask the instance something, whether its daemon runs or not.
 *
 * With a daemon, a request goes over MQTT as api/<method>, signed in as $gnatterctl with a token of
 * the instance's key; without one, through `gnatterd --apply`, which opens the stores itself.
 * gnatterctl never does: what may be written, and how, has one owner.
 *
 * Requests are carried out, and answered here, in the order in which they were asked.
 */
#ifndef GNATTERCTL_API_H
#define GNATTERCTL_API_H

#include <cjson/cJSON.h>

#include "clients/gnatterctl/command.h"
#include "clients/gnatterctl/instance.h"
#include "wire/buf.h"

#define API_IN_FLIGHT_MAX 4
#define API_REQUEST_MAX   (480u << 10) /* bytes of a request's parameters */
#define API_PATIENCE_MS   20000        /* without a sign of life, then an answer is given up */

struct api;

/* Whatever fails is said on stderr; false or NULL then. in must outlive the api. */
bool api_open(struct api **out, const struct instance *in);
void api_close(struct api *a); /* NULL is fine */

/* Send a request; params is the text of a JSON object. At most API_IN_FLIGHT_MAX may be unanswered.
 */
bool api_ask(struct api *a, const char *method, const char *params, size_t len);

/* Wait for the answer to the oldest unanswered request. Owned by the caller. */
cJSON *api_answer(struct api *a);

/* Both in one. */
cJSON *api_call(struct api *a, const char *method, const char *params, size_t len);

/* The sentence in {"error":{"message"}}; NULL if the answer is no error. Lent from answer. */
const char *api_error(const cJSON *answer);

/* Append "name":"value", after a comma unless it is the first; nothing if value is NULL. False if
 * it is not UTF-8, said on stderr. */
bool put_member(struct buf *b, const char *name, const char *value);

/* For a command that is one request: open, ask, close. `what` stands before an error's sentence.
 * Frees params. Returns the exit code. */
int api_do(const struct args *args, const char *method, struct buf *params, const char *what);

#endif
