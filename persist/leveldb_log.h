/* leveldb_log.h — LevelDB's log format, read without LevelDB: its write-ahead logs and manifests.
 *
 * https://github.com/google/leveldb/blob/main/doc/log_format.md. Blocks of 32 KiB hold fragments:
 *
 *   u32 masked CRC-32C of type and data, u16 length, u8 type, data
 *   type: 1 a whole record; 2, 3, 4 its first, middle, last fragment
 */
#ifndef GNATTER_PERSIST_LEVELDB_LOG_H
#define GNATTER_PERSIST_LEVELDB_LOG_H

#include "wire/buf.h"

/* A whole record, lent for the call. False ends the walk. */
typedef bool leveldb_record_fn(void *ctx, struct bytes record);

struct leveldb_log_report {
	bool hole;      /* some bytes are no valid fragment */
	size_t hole_at; /* where the first such begin */
	bool goes_on;   /* a record begins after the hole: it is no torn end */
	bool zeros;     /* from the hole to the end there are zeros only */
	bool out_of_memory;
};

/* Walk through a log. fn may be NULL: then only checksums are looked at. A last fragment that is
 * cut off by the end of the file is no hole: that is how a killed writer leaves it. */
void leveldb_log_walk(
	struct leveldb_log_report *report, struct bytes log, leveldb_record_fn *fn, void *ctx);

/* CRC-32C (Castagnoli) as LevelDB uses it. */
uint32_t leveldb_crc32c(uint32_t crc, const void *data, size_t len);

#endif
