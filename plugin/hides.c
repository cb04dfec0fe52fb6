/* hides.c — see hides.h. */
#include "hides.h"

#include <stdlib.h>
#include <string.h>

struct hide {
	struct node node;
	struct hide *next; /* added before this one */
	enum visibility level;
	unsigned tick; /* when it was added */
	size_t topic_len, viewer_len;
	char text[]; /* topic, viewer */
};

bool hides_init(struct hides *h)
{
	*h = (struct hides){0};
	return hashmap_init(&h->map);
}

static void drop_all(struct hides *h, struct hide *first)
{
	while (first) {
		struct hide *next = first->next;

		hashmap_remove(&h->map, &first->node);
		free(first);
		first = next;
	}
}

void hides_finish(struct hides *h)
{
	drop_all(h, h->fresh);
	drop_all(h, h->old);
	hashmap_finish(&h->map);
}

static uint64_t hash_of(struct bytes topic, const struct audience *to)
{
	uint64_t hash = hash_bytes(topic.data, topic.len);

	return to->viewer.len > 0 ? hash ^ hash_bytes(to->viewer.data, to->viewer.len)
				  : hash + (uint64_t)to->level;
}

static bool is(const struct hide *hide, struct bytes topic, const struct audience *to)
{
	return bytes_equal(topic, hide->text, hide->topic_len) &&
	       bytes_equal(to->viewer, hide->text + hide->topic_len, hide->viewer_len) &&
	       (hide->viewer_len > 0 || hide->level == to->level);
}

/* The newest of those that are alike: one, or one of each list. */
static const struct hide *find(
	const struct hides *h, struct bytes topic, const struct audience *to, uint64_t hash)
{
	const struct hide *found = NULL;
	struct node *n = hashmap_first(&h->map, hash);

	for (; n; n = hashmap_next(n->next, hash)) {
		const struct hide *hide = OF_NODE(n, struct hide, node);

		if (is(hide, topic, to) && (!found || hide->tick == h->tick))
			found = hide;
	}
	return found;
}

bool hides_add(struct hides *h, struct bytes topic, const struct audience *to)
{
	uint64_t hash = hash_of(topic, to);
	const struct hide *known = find(h, topic, to, hash);
	struct hide *hide;

	if (known && known->tick == h->tick)
		return true;
	hide = malloc(sizeof(*hide) + topic.len + to->viewer.len);
	if (!hide)
		return false;
	*hide = (struct hide){.next = h->fresh,
		.level = to->level,
		.tick = h->tick,
		.topic_len = topic.len,
		.viewer_len = to->viewer.len};
	memcpy(hide->text, topic.data, topic.len);
	if (to->viewer.len > 0)
		memcpy(hide->text + topic.len, to->viewer.data, to->viewer.len);
	h->fresh = hide;
	hashmap_add(&h->map, &hide->node, hash);
	return true;
}

bool hides_has(const struct hides *h, struct bytes topic, const struct audience *to)
{
	return h->map.count > 0 && find(h, topic, to, hash_of(topic, to));
}

void hides_tick(struct hides *h)
{
	drop_all(h, h->old);
	h->old = h->fresh;
	h->fresh = NULL;
	h->tick++;
}
