/* registrations.h — which devices are pushed to, kept true in three places of the store:
 *
 *   g user device    the registration
 *   y hash           of kinds whose data names one device: whose registration has that data
 *   x registrations  how many there are
 *
 * A batch is all they need: the engine changes them, and the daemon when a provider says that a
 * device is gone (bridge/later.h). Each of these returns ERR_OK, ERR_NOMEM, ERR_IO, or ERR_CORRUPT;
 * after one that failed the batch must not be committed.
 */
#ifndef GNATTER_ENGINE_REGISTRATIONS_H
#define GNATTER_ENGINE_REGISTRATIONS_H

#include "persist/batch.h"
#include "persist/values.h"

/* ERR_NOT_FOUND if there is none; out->data is lent until the next use of the batch. */
enum err registration_get(
	struct batch *b, struct bytes user, struct bytes device, struct push_registration *out);

/* Whose device it was before. */
struct registration_former {
	char user[NAME_USER_MAX], device[NAME_DEVICE_MAX];
	size_t user_len, device_len; /* 0: nobody's */
};

/* Write one down, in the place of the former one of that device. Its set_ms becomes r->set_ms, or
 * one more than the former's if that is not less. A registration of another user or device with the
 * same address goes: the phone was handed on. r must not be lent from the batch. */
enum err registration_put(struct batch *b, struct bytes user, struct bytes device,
	const struct push_registration *r, struct registration_former *former);

/* Take one back, if there is one; set_ms not 0: only if it is still that one. */
enum err registration_remove(
	struct batch *b, struct bytes user, struct bytes device, uint64_t set_ms, bool *removed);

/* Take back all of a user's. */
enum err registrations_forget(struct batch *b, struct bytes user);

/* How many there are. */
enum err registrations_count(struct batch *b, uint64_t *out);

#endif
