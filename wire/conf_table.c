/* conf_table.c — every option of gnatter.conf. Order is that of the printed file. */
#include "conf_table.h"

#include "conf.h"

#define K ((int64_t)1024)
#define M (1024 * K)
#define G (1024 * M)
#define T (1024 * G)

#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

#define PATH(field, value) \
	.name = #field, .kind = OPTION_PATH, .at = offsetof(struct conf, field), .text = (value)
#define TEXT(field, value) \
	.name = #field, .kind = OPTION_TEXT, .at = offsetof(struct conf, field), .text = (value)
#define FLAG(field, value)                                                                       \
	.name = #field, .kind = OPTION_FLAG, .at = offsetof(struct conf, field), .def = (value), \
	.min = 0, .max = 1
#define SIZE(field, value, least, most)                                                          \
	.name = #field, .kind = OPTION_SIZE, .at = offsetof(struct conf, field), .def = (value), \
	.min = (least), .max = (most)
#define COUNT(field, value, least, most)                                                          \
	.name = #field, .kind = OPTION_COUNT, .at = offsetof(struct conf, field), .def = (value), \
	.min = (least), .max = (most)
#define TIME(field, value, least, most)                                               \
	.name = #field, .kind = OPTION_TIME, .at = offsetof(struct conf, field##_ms), \
	.def = (value), .min = (least), .max = (most)
#define RELOAD .reload = true

// clang-format off
const struct option conf_options[] = {
	{PATH(data_dir, "data"), .section = "Where things are",
	 .help = "Holds the store, the directory and the spool."},
	{PATH(token_key_file, "keys/token.key"),
	 .help = "The instance's key for HS256 tokens: base64 of 32 bytes or more, not "
		"readable by others."},
	{PATH(token_public_key_file, ""),
	 .help = "An Ed25519 public key, as base64 or PEM. Tokens that your own backend signs "
		"with its other half (EdDSA) are accepted, too. Left out: they are not."},
	{.name = "broker", .kind = OPTION_BROKER, .at = offsetof(struct conf, broker),
	 .text = "unix:run/broker.sock",
	 .help = "The listener of mosquitto.conf that is for gnatterd alone: unix:PATH, or "
		"HOST:PORT on this machine."},

	{SIZE(spool_size, 32 * M, 1 * M, 16 * G), .step = 4096, .section = "The plugin",
	 .help = "What may be accepted and not yet stored. When it is full, publishes are "
		"refused. At least four times message_size_max."},
	{COUNT(frames_in_flight, 1, 1, 16),
	 .help = "Frames of records on their way to gnatterd at once. With one, what waits "
		"gathers into one large commit; more of them make more and smaller ones."},
	{SIZE(frame_size_max, 1 * M, 64 * K, 8 * M),
	 .help = "Bytes of records in one frame. At least message_size_max."},
	{SIZE(message_size_max, 1 * M, 1 * K, 3 * M),
	 .help = "Bytes of one payload on send, ack or api."},
	{COUNT(rate_per_user, 5000, 0, 1000000), RELOAD,
	 .help = "Publishes a second that one user may make. 0: as many as come."},
	{COUNT(rate_burst, 20000, 1, 10000000), RELOAD,
	 .help = "Publishes that one user may make at once, after a pause."},
	{COUNT(connections_per_user_max, 100, 1, 100000), RELOAD,
	 .help = "Connections that one user may have at a time."},
	{TIME(password_cache_ttl, 10 * MINUTE, 0, DAY), RELOAD,
	 .help = "How long a password, once found right, is not computed again. 0s: not at "
		"all."},
	{COUNT(password_failures_per_address, 30, 1, 1000000), RELOAD,
	 .help = "Wrong passwords a minute from one address before sign-ins by password are "
		"refused unread."},
	{COUNT(password_failures_per_user, 10, 1, 1000000), RELOAD,
	 .help = "Wrong passwords a minute for one user before sign-ins by password are "
		"refused unread."},

	{COUNT(text_chars_max, 100000, 1, 100000), RELOAD, .section = "Chats",
	 .help = "Characters of a message's text."},
	{COUNT(group_members_max, 100, 2, 1000000), RELOAD, .help = "Members of a group."},
	{COUNT(channel_members_max, 100000, 2, 100000000), RELOAD, .help = "Members of a channel."},
	{COUNT(chats_per_user_max, 10000, 1, 10000000), RELOAD,
	 .help = "Groups and channels that one user may be in. One-to-one chats count, but are never refused."},
	{COUNT(history_page_max, 1000, 1, 10000), RELOAD,
	 .help = "Messages in one answer of api/history."},
	{COUNT(edits_per_message_max, 1000, 0, 1000000), RELOAD,
	 .help = "How often one message may be edited."},

	{COUNT(contacts_per_user_max, 5000, 1, 1000000), RELOAD, .section = "People",
	 .help = "Contacts that one user may have."},
	{COUNT(blocks_per_user_max, 5000, 1, 1000000), RELOAD,
	 .help = "Users that one user may block."},
	{COUNT(devices_per_user_max, 100, 1, 10000), RELOAD,
	 .help = "Devices that are remembered of one user. When there are more, the one that "
		"was away for longest is forgotten; it may still sign in."},
	{TIME(status_ttl, DAY, MINUTE, 30 * DAY), RELOAD,
	 .help = "How long a story (api/status.post) can be seen."},

	{TIME(presence_grace, 5 * SECOND, 0, 5 * MINUTE), RELOAD,
	 .section = "Presence and receipts",
	 .help = "Who is gone for no longer than this is not shown offline."},
	{COUNT(presence_rate, 4000, 10, 1000000), RELOAD,
	 .help = "Presence messages a second. When more people come and go, the rest follows "
		"a little later, so that messages need not wait."},
	{TIME(mark_interval, 250, 0, 10 * SECOND), RELOAD,
	 .help = "Between two messages about how far one user has got in one chat; up to eight "
		"times as long when many people read at once. The last one is always sent."},
	{COUNT(brief_rate, 5, 1, 10000), RELOAD,
	 .help = "Typing and device presence: publishes a second of one connection; four "
		"times as many at once."},

	{SIZE(password_memory, 4 * M, 8 * K, 1 * G), RELOAD, .section = "Accounts",
	 .help = "Memory that checking one password takes (argon2id). It is the broker's only "
		"thread that checks: 4M take some milliseconds. Holds for passwords set from "
		"now on."},
	{COUNT(password_passes, 2, 1, 10), RELOAD,
	 .help = "Passes over that memory. Holds for passwords set from now on."},
	{TIME(token_ttl, 30 * DAY, MINUTE, 3650 * DAY), RELOAD,
	 .help = "How long a new token is valid when nobody says."},

	{SIZE(store_cache_size, 64 * M, 1 * M, 64 * G), .section = "The store and the directory",
	 .help = "LevelDB's cache of blocks that were read."},
	{SIZE(store_write_buffer_size, 32 * M, 64 * K, 1 * G),
	 .help = "What LevelDB keeps in memory before it writes a table. Twice that is used "
		"at times."},
	{COUNT(store_open_files_max, 1000, 64, 1000000),
	 .help = "Files that LevelDB keeps open. About one for each 2 MB of store is read "
		"fastest."},
	{COUNT(store_bloom_bits, 10, 0, 32),
	 .help = "Bits a key of the filter that spares reads for keys that are not there. 0: "
		"none."},
	{SIZE(directory_map_size, 8 * G, 16 * M, 16 * T), .step = 4096,
	 .help = "The most that the directory can grow to. It costs address space, not memory "
		"or disk."},

	{COUNT(read_threads, 2, 1, 64), .section = "The daemon",
	 .help = "Threads that answer history and chat lists."},
	{COUNT(reads_waiting_max, 1000, 1, 1000000), RELOAD,
	 .help = "Such requests that may wait. Those beyond are answered busy."},

	{PATH(push_fcm_account, ""), .section = "Push: messages for people who are away",
	 .help = "The key file of a Google service account (JSON) that may send with Firebase "
		"Cloud Messaging. Left out: there is no push of the kind fcm."},
	{TEXT(push_fcm_url, "https://fcm.googleapis.com"), .help = "Where FCM is."},
	{PATH(push_apns_key, ""),
	 .help = "The key for Apple's push service, as Apple gives it (AuthKey_....p8). Left "
		"out: there is no push of the kind apns."},
	{TEXT(push_apns_key_id, ""), .help = "The ten characters that name that key."},
	{TEXT(push_apns_team, ""), .help = "The ten characters that name your team at Apple."},
	{TEXT(push_apns_topic, ""),
	 .help = "The bundle id of your app. With several, between spaces, a device says which "
		"it has; the first is meant when it does not."},
	{TEXT(push_apns_url, "https://api.push.apple.com"), .help = "Where APNs is."},
	{TEXT(push_apns_sandbox_url, "https://api.sandbox.push.apple.com"),
	 .help = "Where APNs is for apps in development."},
	{PATH(push_webpush_key, ""),
	 .help = "The private VAPID key for browsers and UnifiedPush: a P-256 key as PEM. Left "
		"out: there is no push of the kind webpush. Subscriptions hold for one key only."},
	{TEXT(push_webpush_subject, ""),
	 .help = "How push services reach you when something is wrong: mailto:you@example.org "
		"or an https address. Some refuse pushes when it is not real."},
	{TEXT(push_webhook_url, ""),
	 .help = "Where pushes of the kind webhook are posted to. Left out: there are none, but "
		"for push_webhook_own."},
	{PATH(push_webhook_key, ""),
	 .help = "The key that those are signed with: base64 of 32 bytes or more, not readable "
		"by others."},
	{FLAG(push_webhook_own, 0),
	 .help = "May a device name a URL of its own for pushes of the kind webhook?"},
	{FLAG(push_allow_private, 0),
	 .help = "May URLs that users give lead to this machine and into private networks? Only "
		"for tests, and where every user is trusted."},
	{FLAG(push_allow_http, 0),
	 .help = "May URLs be http instead of https when they lead to this machine? For tests."},
	{PATH(push_ca_file, ""),
	 .help = "Certificate authorities (PEM) to trust instead of the system's."},
	{TIME(push_ttl, 7 * DAY, MINUTE, 28 * DAY),
	 .help = "How long a push is tried, and kept by the provider, before it is given up."},
	{TIME(push_coalesce, 2 * SECOND, 0, HOUR),
	 .help = "For one chat and device there is at most one push in this time. It carries "
		"the newest message."},
	{TIME(push_hold, MINUTE, 0, HOUR),
		.help = "A device that is connected when a message comes is pushed to if its connection ends within this time, since it may have been dead already."},
	{COUNT(push_in_flight, 256, 1, 4096), .help = "Requests to one push endpoint at once. Four times as many to all that users name."},
	{TIME(push_timeout, 15 * SECOND, SECOND, 2 * MINUTE),
	 .help = "How long an answer of a provider is waited for."},
	{COUNT(push_waiting_max, 1000000, 1000, 100000000),
	 .help = "Pushes that may wait for a provider: no more than that, but for the devices of "
		"one user, which are not parted. The rest follows as these leave."},
};
// clang-format on

const size_t conf_options_count = sizeof(conf_options) / sizeof(*conf_options);

const struct conf_unit *conf_units(enum option_kind kind)
{
	static const struct conf_unit sizes[] = {{"G", G}, {"M", M}, {"K", K}, {NULL, 0}};
	static const struct conf_unit times[] = {
		{"d", DAY}, {"h", HOUR}, {"m", MINUTE}, {"s", SECOND}, {"ms", 1}, {NULL, 0}};
	static const struct conf_unit none[] = {{NULL, 0}};

	return kind == OPTION_SIZE ? sizes : kind == OPTION_TIME ? times : none;
}
