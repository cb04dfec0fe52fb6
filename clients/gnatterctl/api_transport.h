/* api_transport.h — between api.c and its two ways: api_mqtt.c, api_apply.c. */
#ifndef GNATTERCTL_API_TRANSPORT_H
#define GNATTERCTL_API_TRANSPORT_H

#include <stdint.h>

#include "clients/gnatterctl/api.h"

enum api_opened {
	API_OPENED,
	API_FAILED, /* said on stderr */
	API_GONE,   /* there is no daemon any more, or there is one now: look again */
};

struct api_transport {
	enum api_opened (*open)(void **state, struct api *a, const struct instance *in);
	/* False is said on stderr. */
	bool (*ask)(
		void *state, uint32_t number, const char *method, const char *params, size_t len);
	bool (*wait)(void *state); /* until at least one answer came; hand it to api_arrived */
	void (*close)(void *state);
};

extern const struct api_transport api_mqtt, api_apply;

/* The answer to that request came; one to an unknown number is ignored. */
void api_arrived(struct api *a, uint32_t number, const char *text, size_t len);

#endif
