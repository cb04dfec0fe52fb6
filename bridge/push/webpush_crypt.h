/* webpush_crypt.h — the body of a Web Push message: RFC 8291 over the aes128gcm coding of RFC 8188.
 *
 *   offset  bytes
 *        0     16  salt, random
 *       16      4  record size, big-endian: 4096
 *       20      1  65
 *       21     65  the sender's public key, made for this message alone: a point of P-256
 *       86      n  AES-128-GCM of the plaintext and a 2 (the end of the last record), and its tag
 *
 * Pure but for random bytes. libsodium must be started. One thread.
 */
#ifndef GNATTER_BRIDGE_PUSH_WEBPUSH_CRYPT_H
#define GNATTER_BRIDGE_PUSH_WEBPUSH_CRYPT_H

#include "bridge/push/sign.h"
#include "wire/buf.h"
#include "wire/err.h"

#define WEBPUSH_AUTH_BYTES    16
#define WEBPUSH_SALT_BYTES    16
#define WEBPUSH_SCALAR_BYTES  32
#define WEBPUSH_BODY_MAX      4096 /* what every push service takes (RFC 8030, 7.2) */
#define WEBPUSH_PLAINTEXT_MAX 3993 /* what fits into that */

/* Whom it is for: the subscription's keys. */
struct webpush_receiver {
	unsigned char p256dh[SIGN_POINT_BYTES];
	unsigned char auth[WEBPUSH_AUTH_BYTES];
};

/* What is random otherwise, for test vectors. */
struct webpush_fixed {
	unsigned char scalar[WEBPUSH_SCALAR_BYTES], point[SIGN_POINT_BYTES];
	unsigned char salt[WEBPUSH_SALT_BYTES];
};

/* Append the body for that plaintext. fixed: NULL, but in tests. ERR_TOO_LARGE beyond
 * WEBPUSH_PLAINTEXT_MAX; ERR_BAD_REQUEST if p256dh is no point of the curve; ERR_NOMEM;
 * ERR_INTERNAL if OpenSSL refuses. After a failure *out is as long as before. */
enum err webpush_encrypt(struct buf *out, const struct webpush_receiver *to, struct bytes plaintext,
	const struct webpush_fixed *fixed);

#endif
