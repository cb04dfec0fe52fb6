/* hooks.h — the broker's events. userdata is the struct plugin. */
#ifndef GNATTER_PLUGIN_HOOKS_H
#define GNATTER_PLUGIN_HOOKS_H

struct plugin;

/* Register all of them; on failure those that are registered stay for hooks_unregister().
 * MOSQ_ERR_... */
int hooks_register(struct plugin *p);
void hooks_unregister(struct plugin *p);

#endif
