/* kit.h — what the tests of the kinds of push share: an operator's set-up with keys of its own, a
 * note, answers of providers, and looking into requests. */
#ifndef TEST_PUSH_KIT_H
#define TEST_PUSH_KIT_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "bridge/push/kind.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

#define KIT_NOW    INT64_C(1795314821079)
#define KIT_MINUTE INT64_C(60000)
#define KIT_HOUR   (60 * KIT_MINUTE)

/* The keys that the set-up signs with, as PEM, made once; and another RSA key. Static. */
const char *kit_p256_pem(void);
const char *kit_rsa_pem(void);

/* Make the folder of key files, of which all have the mode 0600. For cmocka; removed at the end. */
int kit_setup(void **state);
int kit_teardown(void **state);

/* What a test works with: the kinds of kit_kinds(), and what was prepared last. For cmocka, around
 * each test. */
extern struct kit {
	struct push_kinds *kinds;
	struct push_job job;
	struct push_result result;
} kit;

int kit_make(void **state);
int kit_unmake(void **state);

/* Write a file of that name into the folder; gives its path, which is static for the name. */
const char *kit_write(const char *name, const char *text, unsigned mode);

/* An instance in which every kind is set up, and its kinds; to be destroyed. */
void kit_conf(struct conf *c);
struct push_kinds *kit_kinds(void);
struct push_kinds *kit_kinds_of(const struct conf *c);

struct bytes kit_text(const char *s);

/* A note with everything in it, of alice:phone. */
struct push_note kit_note(void);

/* A registration, set KIT_HOUR before KIT_NOW. data as push_check() writes it. */
struct registration kit_registration(enum push_kind_id kind, const char *data);

/* An answer. body may be NULL. */
struct http_response kit_answer(int status, const char *body);

/* The value of a header of the request; NULL if it is not there just once. Freed with the next
 * call. */
const char *kit_header(const struct http_request *r, const char *name);

/* Is the URL of the request just that? */
bool kit_url_is(const struct http_request *r, const char *url);

/* The body as JSON, to be deleted; fails the test if it is none, or not UTF-8. */
cJSON *kit_json(const struct buf *body);

/* The string or number at a path like "message.data.chat"; fails the test if there is none. */
const char *kit_string(const cJSON *json, const char *path);
double kit_number(const cJSON *json, const char *path);
bool kit_has(const cJSON *json, const char *path);

/* Check a JWT with the public half of the PEM and give its claims, to be deleted. */
cJSON *kit_jwt(const char *jwt, size_t len, const char *pem);

#endif
