/* paho.h — the same project seen through another library: Eclipse Paho's synchronous C client.
 * Main thread only; disconnected when the test is over. */
#ifndef GNATTER_TESTS_PAHO_H
#define GNATTER_TESTS_PAHO_H

#include <stddef.h>

struct instance;
struct paho;

/* version 4 or 5. */
struct paho *paho_open(struct instance *i, const char *user, const char *device, int version);
void paho_subscribe(struct paho *p, const char *filter, int qos);

/* Publish and wait until it is acknowledged. response and correlation: MQTT 5, NULL if not wanted.
 */
void paho_publish(struct paho *p, const char *topic, const char *payload, int qos,
	const char *response, const char *correlation);

/* Wait for a message on that topic; others are thrown away. The payload, until the test is over;
 * *correlation (if not NULL) gets the Correlation Data. */
char *paho_take(struct paho *p, const char *topic, char **correlation);

#endif
