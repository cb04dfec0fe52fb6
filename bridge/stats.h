/* stats.h — the daemon's own counters. Any thread may count; the api's stats method reads them. */
#ifndef GNATTER_BRIDGE_STATS_H
#define GNATTER_BRIDGE_STATS_H

#include <stdatomic.h>
#include <stdint.h>

/* Name, help. All count up from the daemon's start, but for owed, a gauge. */
// clang-format off
#define STATS_LIST(X) \
	X(frames_received,   "frames received from the plugin") \
	X(records_applied,   "records applied") \
	X(records_skipped,   "records skipped, as applied before") \
	X(messages_stored,   "messages stored") \
	X(messages_refused,  "messages and acknowledgements refused for what they say") \
	X(commits,           "commits") \
	X(commit_us,         "microseconds spent waiting for commits") \
	X(effects_sent,      "control messages sent to the plugin") \
	X(effects_resent,    "of those, sent again after a reconnect") \
	X(reads_answered,    "api requests answered from a snapshot") \
	X(reads_refused,     "api requests refused because too many were waiting") \
	X(link_connects,     "connections made to the broker") \
	X(presence_told,     "presence messages and corrections sent") \
	X(marks_told,        "marks sent after their interval") \
	X(push_fcm_delivered, "pushes of the kind fcm that their provider has taken") \
	X(push_fcm_retried, "tries that are made again later") \
	X(push_fcm_dropped, "pushes that can never be delivered") \
	X(push_fcm_unregistered, "devices that the provider has called dead") \
	X(push_fcm_alerts, "tries refused for what the operator set up") \
	X(push_apns_delivered, "pushes of the kind apns that their provider has taken") \
	X(push_apns_retried, "tries that are made again later") \
	X(push_apns_dropped, "pushes that can never be delivered") \
	X(push_apns_unregistered, "devices that the provider has called dead") \
	X(push_apns_alerts, "tries refused for what the operator set up") \
	X(push_webpush_delivered, "pushes of the kind webpush that their provider has taken") \
	X(push_webpush_retried, "tries that are made again later") \
	X(push_webpush_dropped, "pushes that can never be delivered") \
	X(push_webpush_unregistered, "devices that the provider has called dead") \
	X(push_webpush_alerts, "tries refused for what the operator set up") \
	X(push_webhook_delivered, "pushes of the kind webhook that their provider has taken") \
	X(push_webhook_retried, "tries that are made again later") \
	X(push_webhook_dropped, "pushes that can never be delivered") \
	X(push_webhook_unregistered, "devices that the provider has called dead") \
	X(push_webhook_alerts, "tries refused for what the operator set up") \
	X(push_mqtt_delivered, "pushes of the kind mqtt that their provider has taken") \
	X(push_mqtt_retried, "tries that are made again later") \
	X(push_mqtt_dropped, "pushes that can never be delivered") \
	X(push_mqtt_unregistered, "devices that the provider has called dead") \
	X(push_mqtt_alerts, "tries refused for what the operator set up") \
	X(push_not_needed,   "pushes that were read, or whose device came back, before they left") \
	X(push_waiting,      "pushes that wait or are held now") \
	X(push_expired,      "pushes given up, as they were older than push_ttl") \
	X(owed,              "control messages owed until the plugin confirms them")
// clang-format on

struct stats {
#define X(name, help) _Atomic uint64_t name;
	STATS_LIST(X)
#undef X
};

static inline void stats_add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

#endif
