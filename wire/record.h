/* record.h — what the plugin hands to the bridge: records, and the frames that carry them.
 *
 * A record is one thing that happened at the broker, in the one order in which it happened. It lies
 * in the spool in the same form in which it travels. Little-endian:
 *
 *   u32 size       of the whole record, header and padding included; a multiple of 8
 *   u8  type       enum record_type
 *   u8  flags      bit 0-1 QoS; bit 2 MQTT 5; bit 3 the client wants a session that outlives
 *                  the connection; bit 4 secret (wiped from the spool when done)
 *   u16 reserved   0
 *   u64 number     1, 2, 3, ... in one spool epoch
 *   u64 ts         ms since 1970 when accepted; never falls from one record to the next
 *   u8  role       of the connection, enum role
 *   bytes16 user, bytes16 client (MQTT client id), bytes16 device
 *   bytes16 target     chat (SEND, ACK), method (API), address (CONNECT), else empty
 *   bytes16 response   Response Topic, empty if none
 *   bytes16 correlation  Correlation Data
 *   bytes32 payload    of CONNECT: u64, the time (ms) of what the client was let in by: the newer
 *                      of its account and the last removal of its device, as the directory had
 *                      them when it signed in. Records of older plugins have none
 *   zeros up to size
 *
 * A frame, on the topic FRAME_TOPIC, addressed to the bridge alone:
 *
 *   u32 magic "GNF1"
 *   u64 epoch      of the spool: random, made with it
 *   u64 first      number of the first record; with count 0, the number the next one will have
 *   u32 count
 *   u64 performed  effects performed up to this record number
 *   u8  hello      1 if this is the answer to a greeting
 *   records
 */
#ifndef GNATTER_WIRE_RECORD_H
#define GNATTER_WIRE_RECORD_H

#include <stdint.h>

#include "buf.h"
#include "err.h"
#include "jwt.h"

#define FRAME_TOPIC     "$gnatter/frame"
#define CONTROL_TOPIC   "$CONTROL/gnatter/v1"
#define BRIDGE_CLIENT   "$gnatterd"
#define CTL_CLIENT      "$gnatterctl" /* and anything that starts with it and '-' */
#define FRAME_MAGIC     0x31464e47u
#define RECORD_HEADER   24
#define RECORD_SIZE_MAX (16u << 20)
#define FRAME_HEADER    33

enum record_type {
	RECORD_SEND = 1,         /* chat/<target>/send */
	RECORD_ACK = 2,          /* chat/<target>/ack */
	RECORD_API = 3,          /* api/<target> */
	RECORD_CONNECT = 4,      /* user's client signed in from address `target` */
	RECORD_DISCONNECT = 5,   /* it went */
	RECORD_BROKER_START = 6, /* every connection before this one is gone. Payload: u64, ms since
				    1970, when the broker was alive that had them; 0 or none: not
				    known */
	RECORD_PRESENCE = 7,     /* presence/<user>/<device>: what a device says of itself */
	RECORD_TYPE_END
};

#define RECORD_QOS_MASK 0x03u
#define RECORD_MQTT5    0x04u
#define RECORD_PERSISTS 0x08u
#define RECORD_SECRET   0x10u

struct record {
	enum record_type type;
	uint8_t flags;
	uint64_t number, ts;
	enum role role;
	struct bytes user, client, device, target, response, correlation, payload;
};

/* Size that the record will have; 0 if a part is longer than its length field can say or the whole
 * exceeds RECORD_SIZE_MAX. */
uint32_t record_size(const struct record *r);

/* Write r into out, which has record_size(r) bytes. */
void record_encode(const struct record *r, char *out);

/* Decode the record at the start of data. Parts are lent. *size gets its length.
 * ERR_CORRUPT if anything is off; nothing is read beyond len. */
enum err record_decode(struct record *r, const char *data, size_t len, uint32_t *size);

struct frame {
	uint64_t epoch, first, performed;
	uint32_t count;
	bool hello;
	struct bytes records;
};

void frame_encode_header(const struct frame *f, char out[FRAME_HEADER]);

/* ERR_CORRUPT if the header is off. Records are checked as they are decoded. */
enum err frame_decode(struct frame *f, const char *data, size_t len);

#endif
