/* cached.c — the public functions that only read the store. */
#include "clients/sdk/client.h"

#include <string.h>

struct chat_call {
	gnatter_chat_fn *fn;
	void *ctx;
};

static bool on_chat(void *ctx, const struct store_chat *c)
{
	struct chat_call *call = ctx;

	return call->fn(call->ctx, &c->pub);
}

enum gnatter_error gnatter_chats(struct gnatter *g, gnatter_chat_fn *fn, void *ctx)
{
	return store_chats(g->store, on_chat, &(struct chat_call){fn, ctx});
}

enum gnatter_error gnatter_chat(struct gnatter *g, const char *chat, gnatter_chat_fn *fn, void *ctx)
{
	return store_chat(g->store, chat, on_chat, &(struct chat_call){fn, ctx});
}

enum gnatter_error gnatter_cached(struct gnatter *g, const char *chat, uint64_t before,
	uint32_t limit, gnatter_message_fn *fn, void *ctx)
{
	return store_messages(g->store, chat, before, limit, fn, ctx);
}

enum gnatter_error gnatter_cached_after(struct gnatter *g, const char *chat, uint64_t after,
	uint32_t limit, gnatter_message_fn *fn, void *ctx)
{
	return store_messages_after(g->store, chat, after, limit, fn, ctx);
}

enum gnatter_error gnatter_reactions(
	struct gnatter *g, const char *chat, uint64_t ref, gnatter_message_fn *fn, void *ctx)
{
	return store_reactions(g->store, chat, ref, fn, ctx);
}

enum gnatter_error gnatter_search(struct gnatter *g, const char *chat, const char *text,
	uint32_t limit, gnatter_message_fn *fn, void *ctx)
{
	return text && *text ? store_search(g->store, chat, text, limit, fn, ctx) : GNATTER_EINVAL;
}

enum gnatter_error gnatter_members(
	struct gnatter *g, const char *chat, gnatter_member_fn *fn, void *ctx)
{
	return store_members(g->store, chat, fn, ctx);
}

enum gnatter_error gnatter_contacts(struct gnatter *g, gnatter_profile_fn *fn, void *ctx)
{
	return store_contacts(g->store, fn, ctx);
}

enum gnatter_error gnatter_profile(
	struct gnatter *g, const char *user, gnatter_profile_fn *fn, void *ctx)
{
	return store_profile(g->store, user, fn, ctx);
}
