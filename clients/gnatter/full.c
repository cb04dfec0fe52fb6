/* full.c — see full.h. It is the account's own device, whose store it has for itself. */
#include "clients/gnatter/full.h"

#include <stdlib.h>

#include "clients/gnatter/config.h"
#include "clients/gnatter/say.h"
#include "clients/gnatter/ui/ui.h"

static void set_options(
	struct gnatter_options *o, const struct account *a, const char *store, struct ui *ui)
{
	gnatter_options_init(o);
	o->address = a->address;
	o->user = a->user;
	o->device = a->device;
	o->secret = a->secret;
	o->ca_file = a->ca_file;
	o->store = store;
	o->ctx = ui;
	ui_callbacks(&o->callbacks);
}

static int error(enum gnatter_error e, const struct account *a)
{
	switch (e) {
	case GNATTER_OK:
		return GN_OK;
	case GNATTER_EINVAL:
		return fail(GN_FAILED, "the address must be like ssl://host:port, not '%s'",
			a->address);
	case GNATTER_EINUSE:
		return fail(GN_FAILED, "gnatter runs already, for this account");
	default:
		return fail(GN_FAILED, "%s: %s", a->state_dir, gnatter_error_text(e));
	}
}

static int run(const struct account *a, const char *store, const char *chat)
{
	struct ui *ui = need(ui_create());
	struct gnatter_options o;
	struct gnatter *g;
	int code;

	set_options(&o, a, store, ui);
	code = error(gnatter_create(&g, &o), a);
	if (code == GN_OK)
		code = ui_run(g, &(struct ui_options){.ui = ui, .chat = chat});
	gnatter_destroy(g);
	ui_destroy(ui);
	return code;
}

int full_screen(const char *account, const char *chat)
{
	struct account a;
	int code = account_load(&a, account);
	char *store;

	if (code == GN_OK)
		code = account_load_secret(&a);
	if (code == GN_OK)
		code = account_complete(&a);
	if (code == GN_OK)
		code = account_make_state(&a);
	if (code == GN_OK) {
		store = account_store(&a, a.device);
		code = run(&a, store, chat);
		free(store);
	}
	account_finish(&a);
	return code;
}
