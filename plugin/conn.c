/* conn.c — three hash maps over the same connections; see conn.h. */
#include "conn.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct conns {
	struct hashmap by_key, by_client, persons;
	struct ring idle; /* users without connections, oldest first */
	size_t idle_count;
};

static uint64_t hash_client(const char *client)
{
	return hash_bytes(client, strlen(client));
}

/* Users. */

#define OF_RING(r) ((struct person *)(void *)((char *)(r)-offsetof(struct person, idle)))

static struct person *find_person(const struct conns *c, struct bytes user, uint64_t hash)
{
	struct node *n = hashmap_first(&c->persons, hash);

	for (; n; n = hashmap_next(n->next, hash)) {
		struct person *p = OF_NODE(n, struct person, node);

		if (bytes_equal(user, p->user, p->user_len))
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
	p->idle.prev->next = p->idle.next;
	p->idle.next->prev = p->idle.prev;
	c->idle_count--;
}

static void person_destroy(struct conns *c, struct person *p)
{
	hashmap_remove(&c->persons, &p->node);
	free(p);
}

static void idle_enter(struct conns *c, struct person *p)
{
	p->idle = (struct ring){.next = &c->idle, .prev = c->idle.prev};
	p->idle.prev->next = &p->idle;
	c->idle.prev = &p->idle;
	c->idle_count++;
	if (c->idle_count > CONNS_IDLE_USERS) {
		struct person *oldest = OF_RING(c->idle.next);

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
	p = calloc(1, sizeof(*p) + id->user_len + 1u);
	if (!p)
		return NULL;
	p->user_len = id->user_len;
	memcpy(p->user, id->user, id->user_len);
	hashmap_add(&c->persons, &p->node, hash);
	idle_enter(c, p);
	return p;
}

static void person_join(struct conns *c, struct person *p, struct conn *conn)
{
	if (p->count++ == 0) {
		idle_leave(c, p);
		p->conns = NULL;
	}
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

const char *conn_address(const struct conn *conn)
{
	return conn->client + strlen(conn->client) + 1;
}

/* Does the client id end with the device's name, as <user>:<device> does? */
static bool has_device(const char *client, size_t len, const struct identity *id)
{
	return id->device_len <= len && strcmp(client + len - id->device_len, id->device) == 0;
}

/* The connection with its names, in no list and no map. */
static struct conn *conn_create(const struct identity *id, const char *client, const char *address)
{
	size_t len = strlen(client);
	size_t address_len = address ? strnlen(address, CONN_ADDRESS_MAX) : 0;
	bool inside = has_device(client, len, id);
	size_t more = len + 1 + address_len + 1 + (inside ? 0 : id->device_len + 1u);
	struct conn *conn = calloc(1, sizeof(*conn) + more);
	char *behind;

	if (!conn)
		return NULL;
	behind = conn->client + len + 1 + address_len + 1;
	memcpy(conn->client, client, len);
	if (address_len)
		memcpy(conn->client + len + 1, address, address_len);
	if (!inside)
		memcpy(behind, id->device, id->device_len);
	conn->id = *id;
	conn->id.device = inside ? conn->client + len - id->device_len : behind;
	return conn;
}

struct conn *conns_add(struct conns *c, const void *key, const struct identity *id,
	const char *client, const char *address)
{
	struct person *p = get_person(c, id);
	struct conn *conn = p ? conn_create(id, client, address) : NULL;

	assert(!conns_find(c, key));
	if (!conn)
		return NULL;
	conn->id.user = p->user;
	conn->key = key;
	hashmap_add(&c->by_key, &conn->by_key, hash_pointer(key));
	hashmap_add(&c->by_client, &conn->by_client, hash_client(client));
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
	c->idle.next = c->idle.prev = &c->idle;
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
