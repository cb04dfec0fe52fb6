/* hides.c — see hides.h. */
#include "hides.h"

#include <stdlib.h>
#include <string.h>

struct hide {
	struct node node;
	struct hide *next; /* added before this one */
	enum visibility level;
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

bool hides_add(struct hides *h, struct bytes topic, const struct audience *to)
{
	struct hide *hide = malloc(sizeof(*hide) + topic.len + to->viewer.len);

	if (!hide)
		return false;
	*hide = (struct hide){.next = h->fresh,
		.level = to->level,
		.topic_len = topic.len,
		.viewer_len = to->viewer.len};
	memcpy(hide->text, topic.data, topic.len);
	if (to->viewer.len > 0)
		memcpy(hide->text + topic.len, to->viewer.data, to->viewer.len);
	h->fresh = hide;
	hashmap_add(&h->map, &hide->node, hash_bytes(topic.data, topic.len));
	return true;
}

bool hides_next(
	const struct hides *h, struct bytes topic, const struct hide **from, struct audience *out)
{
	uint64_t hash = hash_bytes(topic.data, topic.len);
	struct node *n =
		*from ? hashmap_next((*from)->node.next, hash) : hashmap_first(&h->map, hash);

	for (; n; n = hashmap_next(n->next, hash)) {
		const struct hide *hide = OF_NODE(n, struct hide, node);

		if (!bytes_equal(topic, hide->text, hide->topic_len))
			continue;
		*from = hide;
		*out = (struct audience){
			{hide->text + hide->topic_len, hide->viewer_len}, hide->level};
		return true;
	}
	return false;
}

void hides_tick(struct hides *h)
{
	drop_all(h, h->old);
	h->old = h->fresh;
	h->fresh = NULL;
}
