/* name.h — what users, devices and chats may be called.
 *
 * Pure. All functions take bytes that need not end in NUL and may be anything at all.
 *
 *   user    [a-z0-9][a-z0-9._-]{0,63}          a phone number without + is one
 *   device  [A-Za-z0-9_-]{1,32}
 *   group   [a-z0-9][a-z0-9_-]{0,63}           also a channel
 *   method  [a-z.]{1,32}                       of the API
 *   pair    <a>:<b>, two users, a < b in byte order: a one-to-one chat
 *
 * A name that starts with '$' belongs to the system ($gnatterd, $gnatterctl) and is none of these.
 */
#ifndef GNATTER_WIRE_NAME_H
#define GNATTER_WIRE_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

#define NAME_USER_MAX   64
#define NAME_DEVICE_MAX 32
#define NAME_GROUP_MAX  64
#define NAME_METHOD_MAX 32
#define NAME_CHAT_MAX   (2 * NAME_USER_MAX + 1)
#define NAME_CLIENT_MAX \
	255 /* bytes of a client id: a string in a key has one byte for its length */

bool name_user_ok(const char *s, size_t len);
bool name_device_ok(const char *s, size_t len);
bool name_group_ok(const char *s, size_t len);
bool name_method_ok(const char *s, size_t len);

enum chat_kind { CHAT_NONE, CHAT_PAIR, CHAT_GROUP };

/* What kind of chat name s is; CHAT_NONE if it is none. For a pair *split is the length of the
 * first user, so that the second starts at s + *split + 1; else *split is 0. split may be NULL. */
enum chat_kind name_chat_kind(const char *s, size_t len, size_t *split);

/* Write the name of the one-to-one chat of a and b into out, NUL-terminated. Returns its length,
 * or 0 if either is no user name or they are the same. */
size_t name_pair(char out[NAME_CHAT_MAX + 1], const char *a, const char *b);

/* If s is the one-to-one chat of `user` and another: the other one; else empty. Lent from s. */
struct bytes name_pair_other(struct bytes chat, struct bytes user);

/* Split a client id for `user`. True if the user may use it.
 *   "<user>:<device>"  a device of that user: *ephemeral false, device = the part after ':'
 *   anything without ':' and not starting with '$', 1..NAME_CLIENT_MAX bytes: *ephemeral true,
 *     device = its first NAME_DEVICE_MAX bytes with every byte that no device name may hold as '_'
 * device gets a NUL. */
bool name_client_split(
	const char *client, const char *user, char device[NAME_DEVICE_MAX + 1], bool *ephemeral);

#endif
