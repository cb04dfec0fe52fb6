/* effects.h — doing what the bridge asks: one effect at a time (wire/effect.h). */
#ifndef GNATTER_PLUGIN_EFFECTS_H
#define GNATTER_PLUGIN_EFFECTS_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/buf.h"
#include "wire/err.h"

struct plugin;

/* Are these `count` whole effects, with topics to publish to, and nothing behind them? */
bool effects_valid(struct reader effects, uint32_t count);

/* Perform the next effect. ERR_OK; ERR_NOMEM: it was not performed. *wait is set if connections
 * were chosen that must be closed before the next effect is performed: see link.h. */
enum err effects_perform(struct plugin *p, struct reader *effects, bool *wait);

#endif
