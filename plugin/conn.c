/* conn.c — three hash maps over the same connections; see conn.h. */
#include "conn.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct conns {
	struct hashmap by_key, by_client, persons;
	struct person idle; /* head of the ring of users without connections, oldest first */
	size_t idle_count;
};

static uint64_t hash_client(const char *client)
{
	return hash_bytes(client, strlen(client));
}

/* Users. */

static struct person *find_person(const struct conns *c, struct bytes user, uint64_t hash)
{
	struct node *n = hashmap_first(&c->persons, hash);

	for (; n; n = hashmap_next(n->next, hash)) {
		struct person *p = OF_NODE(n, struct person, node);

		if (bytes_equal(user, p->user, strlen(p->user)))
			return p;
	}
	return NULL;
}

struct person *conns_person(const struct conns *c, struct bytes user)
{
	return find_person(c, user, hash_bytes(user.data, user.len));
}

static void idle_leave(struct conns *c, struct person *p)
{
	p->prev_idle->next_idle = p->next_idle;
	p->next_idle->prev_idle = p->prev_idle;
	c->idle_count--;
}

static void person_destroy(struct conns *c, struct person *p)
{
	hashmap_remove(&c->persons, &p->node);
	free(p);
}

static void idle_enter(struct conns *c, struct person *p)
{
	p->prev_idle = c->idle.prev_idle;
	p->next_idle = &c->idle;
	p->prev_idle->next_idle = p;
	c->idle.prev_idle = p;
	c->idle_count++;
	if (c->idle_count > CONNS_IDLE_USERS) {
		struct person *oldest = c->idle.next_idle;

		idle_leave(c, oldest);
		person_destroy(c, oldest);
	}
}

/* The person, made if need be; without connections it stands in the idle ring. */
static struct person *get_person(struct conns *c, const struct identity *id)
{
	uint64_t hash = hash_bytes(id->user, id->user_len);
	struct person *p = find_person(c, (struct bytes){id->user, id->user_len}, hash);

	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	memcpy(p->user, id->user, id->user_len);
	hashmap_add(&c->persons, &p->node, hash);
	idle_enter(c, p);
	return p;
}

static void person_join(struct conns *c, struct person *p, struct conn *conn)
{
	if (p->count++ == 0)
		idle_leave(c, p);
	conn->person = p;
	conn_enter(conn, CONN_OF_PERSON, &p->conns);
}

/* Connections. */

void conn_enter(struct conn *conn, enum conn_list list, struct conn **head)
{
	assert(!conn->in[list].from);
	conn->in[list].next = *head;
	conn->in[list].from = head;
	if (*head)
		(*head)->in[list].from = &conn->in[list].next;
	*head = conn;
}

void conn_leave(struct conn *conn, enum conn_list list)
{
	struct conn *next = conn->in[list].next;

	if (!conn->in[list].from)
		return;
	*conn->in[list].from = next;
	if (next)
		next->in[list].from = conn->in[list].from;
	conn->in[list].next = NULL;
	conn->in[list].from = NULL;
}

struct conn *conns_add(struct conns *c, const void *key, const struct identity *id,
	const char *client, const char *address)
{
	size_t len = strlen(client);
	struct person *p = get_person(c, id);
	struct conn *conn = p ? calloc(1, sizeof(*conn) + len + 1) : NULL;

	assert(!conns_find(c, key));
	if (!conn)
		return NULL;
	conn->id = *id;
	conn->key = key;
	memcpy(conn->client, client, len + 1);
	if (address)
		memcpy(conn->address, address, strnlen(address, sizeof(conn->address) - 1));
	hashmap_add(&c->by_key, &conn->by_key, hash_pointer(key));
	hashmap_add(&c->by_client, &conn->by_client, hash_bytes(client, len));
	person_join(c, p, conn);
	return conn;
}

void conns_remove(struct conns *c, struct conn *conn)
{
	for (int list = 0; list < CONN_LISTS; list++)
		conn_leave(conn, (enum conn_list)list);
	hashmap_remove(&c->by_key, &conn->by_key);
	hashmap_remove(&c->by_client, &conn->by_client);
	if (--conn->person->count == 0)
		idle_enter(c, conn->person);
	free(conn);
}

size_t conns_count(const struct conns *c)
{
	return c->by_key.count;
}

struct conn *conns_find(const struct conns *c, const void *key)
{
	uint64_t hash = hash_pointer(key);
	struct node *n = hashmap_first(&c->by_key, hash);

	for (; n; n = hashmap_next(n->next, hash)) {
		struct conn *conn = OF_NODE(n, struct conn, by_key);

		if (conn->key == key)
			return conn;
	}
	return NULL;
}

struct conn *conns_client(const struct conns *c, const char *client)
{
	uint64_t hash = hash_client(client);
	struct node *n = hashmap_first(&c->by_client, hash);

	for (; n; n = hashmap_next(n->next, hash)) {
		struct conn *conn = OF_NODE(n, struct conn, by_client);

		if (!conn->replaced && strcmp(conn->client, client) == 0)
			return conn;
	}
	return NULL;
}

void conns_each(const struct conns *c, conns_each_fn *fn, void *ctx)
{
	for (size_t i = 0; i <= c->by_key.mask; i++) {
		for (struct node *n = c->by_key.buckets[i]; n; n = n->next)
			fn(ctx, OF_NODE(n, struct conn, by_key));
	}
}

struct conns *conns_create(void)
{
	struct conns *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->idle.next_idle = c->idle.prev_idle = &c->idle;
	if (hashmap_init(&c->by_key) && hashmap_init(&c->by_client) && hashmap_init(&c->persons))
		return c;
	conns_destroy(c);
	return NULL;
}

/* Free whatever the map holds: `at` is the offset of the node in it. */
static void empty(struct hashmap *map, size_t at)
{
	for (size_t i = 0; map->buckets && i <= map->mask; i++) {
		for (struct node *n = map->buckets[i], *next; n; n = next) {
			next = n->next;
			free((char *)n - at);
		}
	}
	hashmap_finish(map);
}

void conns_destroy(struct conns *c)
{
	if (!c)
		return;
	hashmap_finish(&c->by_client);
	empty(&c->by_key, offsetof(struct conn, by_key));
	empty(&c->persons, offsetof(struct person, node));
	free(c);
}
