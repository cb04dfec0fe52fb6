/* conf.h — gnatter.conf: one table of options, read by plugin, daemon and gnatterctl.
 *
 * The syntax is mosquitto.conf's: `key value`, one a line, # starts a comment line. A value is the
 * rest of the line. Sizes take K, M, G (of 1024); times take ms, s, m, h, d; flags are true or
 * false. Every option has a row in conf_table.c: name, place, default, bounds, unit, help, and
 * whether a reload changes it. The shipped conf/gnatter.conf is printed from that table
 * (conf_print), so it cannot be wrong about it.
 *
 * Relative paths are taken from the folder that holds the file.
 */
#ifndef GNATTER_WIRE_CONF_H
#define GNATTER_WIRE_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "err.h"

#define CONF_PATH_MAX 512

struct conf {
	char dir[CONF_PATH_MAX]; /* the folder that holds gnatter.conf; not an option */

	/* where things are */
	char data_dir[CONF_PATH_MAX];       /* holds store/ (LevelDB), directory/ (LMDB), spool */
	char token_key_file[CONF_PATH_MAX]; /* HS256 */
	char token_public_key_file[CONF_PATH_MAX]; /* EdDSA; empty: off */
	char broker[CONF_PATH_MAX]; /* the bridge's listener: unix:PATH or HOST:PORT (loopback) */

	/* plugin */
	int64_t spool_size;       /* bytes */
	int64_t frames_in_flight; /* window of the link */
	int64_t frame_size_max;   /* bytes */
	int64_t message_size_max; /* bytes of a payload on send, ack or api */
	int64_t rate_per_user;    /* publishes a second; 0: no limit */
	int64_t rate_burst;       /* publishes at once */
	int64_t connections_per_user_max;
	int64_t password_cache_ttl_ms;
	int64_t password_failures_per_address; /* wrong passwords a minute before refusals */
	int64_t password_failures_per_user;

	/* engine */
	int64_t text_chars_max;
	int64_t group_members_max;
	int64_t channel_members_max;
	int64_t chats_per_user_max;
	int64_t history_page_max;
	int64_t edits_per_message_max;

	/* people */
	int64_t contacts_per_user_max;
	int64_t blocks_per_user_max;
	int64_t devices_per_user_max;
	int64_t status_ttl_ms;

	/* presence and receipts */
	int64_t presence_grace_ms; /* between the end of a user's last connection and "offline" */
	int64_t presence_rate;     /* presence messages a second, at most */
	int64_t mark_interval_ms;  /* between two messages about one mark */
	int64_t brief_rate;        /* typing and device presence: a second and connection */

	/* accounts */
	int64_t password_memory; /* argon2id, bytes */
	int64_t password_passes; /* argon2id */
	int64_t token_ttl_ms;    /* of minted tokens, by default */

	/* store and directory */
	int64_t store_cache_size; /* LevelDB block cache, bytes */
	int64_t store_write_buffer_size;
	int64_t store_open_files_max;
	int64_t store_bloom_bits;   /* per key */
	int64_t directory_map_size; /* LMDB map: the most the directory can grow to, bytes */

	/* bridge */
	int64_t read_threads;
	int64_t reads_waiting_max; /* api reads that may wait; more are answered busy */

	/* push; a kind without its key is off */
	char push_fcm_account[CONF_PATH_MAX]; /* the service account's JSON */
	char push_fcm_url[CONF_PATH_MAX];
	char push_apns_key[CONF_PATH_MAX]; /* PEM (.p8) */
	char push_apns_key_id[CONF_PATH_MAX];
	char push_apns_team[CONF_PATH_MAX];
	char push_apns_topic[CONF_PATH_MAX]; /* one or more, the first is the default */
	char push_apns_url[CONF_PATH_MAX];
	char push_apns_sandbox_url[CONF_PATH_MAX];
	char push_webpush_key[CONF_PATH_MAX]; /* PEM, P-256 */
	char push_webpush_subject[CONF_PATH_MAX];
	char push_webhook_url[CONF_PATH_MAX];
	char push_webhook_key[CONF_PATH_MAX]; /* base64 */
	int64_t push_webhook_own;             /* flag: registrations may name a URL */
	int64_t push_allow_private;           /* flag: users' URLs may lead into private networks */
	int64_t push_allow_http;              /* flag: http to loopback, for tests */
	char push_ca_file[CONF_PATH_MAX];
	int64_t push_ttl_ms;
	int64_t push_coalesce_ms;
	int64_t push_hold_ms;
	int64_t push_in_flight;
	int64_t push_timeout_ms;
	int64_t push_waiting_max;
};

/* Fill *c with defaults for an instance in dir (absolute). ERR_TOO_LARGE if a path is too long. */
enum err conf_defaults(struct conf *c, const char *dir);

/* Read the file. On failure the sentence in why (of why_size bytes) names file, line and reason,
 * and *c is as it was. ERR_IO if it cannot be read, ERR_BAD_REQUEST if it is wrong (unknown key,
 * value out of range, line too long). */
enum err conf_load(struct conf *c, const char *path, char *why, size_t why_size);

/* The same from text of len bytes, for an instance in dir; name is what `why` calls it. */
enum err conf_parse(struct conf *c, const char *dir, const char *name, const char *text, size_t len,
	char *why, size_t why_size);

/* Copy from `next` into *c what a reload may change. True if something else differs, which needs a
 * restart. */
bool conf_reload(struct conf *c, const struct conf *next);

/* Print a gnatter.conf in which every option is explained above its value, taken from *c. */
void conf_print(const struct conf *c, FILE *out);

/* Paths of the parts below data_dir, written into out. */
void conf_store_path(const struct conf *c, char out[CONF_PATH_MAX + 16]);
void conf_directory_path(const struct conf *c, char out[CONF_PATH_MAX + 16]);
void conf_spool_path(const struct conf *c, char out[CONF_PATH_MAX + 16]);

#endif
