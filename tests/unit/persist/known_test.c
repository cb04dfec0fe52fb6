/* known_test.c — that an id is new, without asking the store: never of one that is there.
 *
 * The store is a sorted list here, read as store.c reads LevelDB: a reading sees what the list held
 * when it began.
 */
#include "persist/known.h"

#include "tests/unit/persist/scratch.h"

#define IDS_MAX 40000

struct world {
	struct known *known;
	struct key keys[IDS_MAX];
	int count, asked;
};

static struct key id(const char *chat, const char *user, int i)
{
	char name[16];

	snprintf(name, sizeof(name), "id-%d", i);
	return key_dedupe(text(chat), text(user), text(name));
}

static int compare(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	int c = memcmp(x->data, y->data, x->len < y->len ? x->len : y->len);

	return c ? c : (x->len > y->len) - (x->len < y->len);
}

static void store(struct world *w, struct key k)
{
	assert_in_range(w->count, 0, IDS_MAX - 1);
	w->keys[w->count++] = k;
}

static void tell(struct world *w, struct key k)
{
	known_begin(w->known);
	known_written(w->known, key_bytes(&k));
	known_end(w->known);
}

static bool stored(const struct world *w, struct key k)
{
	for (int i = 0; i < w->count; i++)
		if (compare(&w->keys[i], &k) == 0)
			return true;
	return false;
}

/* One reading, of which the caller decides what happens between its parts. */
struct reading {
	struct known_reading r;
	struct key keys[KNOWN_STEP];
	int count;
	bool all;
};

static void see(struct world *w, struct reading *g)
{
	struct bytes prefix = {g->r.from.data, g->r.prefix};

	qsort(w->keys, (size_t)w->count, sizeof(w->keys[0]), compare);
	g->count = 0;
	g->all = true;
	for (int i = 0; i < w->count && g->all; i++) {
		const struct key *k = &w->keys[i];

		if (k->len < prefix.len || memcmp(k->data, prefix.data, prefix.len) != 0 ||
			compare(k, &g->r.from) < 0)
			continue;
		g->keys[g->count++] = *k;
		g->all = g->count < KNOWN_STEP;
	}
}

static void give(struct world *w, const struct reading *g)
{
	struct bytes last = {NULL, 0};

	for (int i = 0; i < g->count; i++) {
		known_read(w->known, &g->r, key_bytes(&g->keys[i]));
		last = key_bytes(&g->keys[i]);
	}
	known_read_end(w->known, &g->r, last, g->all);
}

/* As store_get() does it: is it there? */
static bool ask(struct world *w, struct key k)
{
	struct reading g;

	if (known_absent(w->known, key_bytes(&k)))
		return false;
	w->asked++;
	if (known_asked(w->known, key_bytes(&k), &g.r)) {
		see(w, &g);
		give(w, &g);
	}
	return stored(w, k);
}

static struct world *make(size_t bytes)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->known = known_create(bytes);
	assert_non_null(w->known);
	return w;
}

static void finish(struct world *w)
{
	known_destroy(w->known);
	free(w);
}

/* A few questions, and then no more: new ids are known to be new, and old ones are still found. */
static void test_known_after_a_few_questions(void **state)
{
	struct world *w = make(1 << 20);

	(void)state;
	for (int i = 0; i < 100; i++)
		store(w, id("lobby", "alice", i));
	for (int i = 100; i < 1000; i++) {
		assert_false(ask(w, id("lobby", "alice", i)));
		store(w, id("lobby", "alice", i));
		tell(w, id("lobby", "alice", i));
	}
	assert_in_range(w->asked, 3, 5);
	for (int i = 0; i < 1000; i++)
		assert_true(ask(w, id("lobby", "alice", i)));
	assert_in_range(w->asked, 1003, 1005);
	assert_false(ask(w, id("lobby", "bob", 1)));
	assert_false(ask(w, id("lobby", "alic", 1)));
	assert_false(ask(w, id("lobb", "yalice", 1)));
	assert_in_range(w->asked, 1006, 1008);
	finish(w);
}

/* Many ids are read in several steps, and until the last of them nothing is certain. */
static void test_known_in_steps(void **state)
{
	enum { IDS = 20 * KNOWN_STEP };
	struct world *w = make(1 << 20);
	int before;

	(void)state;
	for (int i = 0; i < IDS; i++)
		store(w, id("lobby", "alice", i));
	do {
		before = w->asked;
		assert_true(ask(w, id("lobby", "alice", before * 37 % IDS)));
		assert_false(ask(w, id("lobby", "alice", -1 - before)));
		assert_in_range(before, 0, 60);
	} while (w->asked - before == 2);
	assert_in_range(before, 20, 30);
	for (int i = 0; i < IDS; i++)
		assert_true(ask(w, id("lobby", "alice", i)));
	finish(w);
}

/* Whatever happens at the same time, in whatever order: what is stored is never called new. */
static void test_known_is_never_wrong(void **state)
{
	enum { USERS = 8, READINGS = 3, ROUNDS = 60000 };
	struct world *w = make(20000); /* too little for all of them */
	struct reading *open = calloc(READINGS, sizeof(*open));
	bool is_open[READINGS] = {false};
	struct key waiting;
	bool to_tell = false;
	int absent = 0, next = 0;

	(void)state;
	srand(7);
	for (int i = 0; i < ROUNDS; i++) {
		char user[8];
		int r = rand() % READINGS;
		struct key k;

		snprintf(user, sizeof(user), "u%d", rand() % USERS);
		switch (rand() % 8) {
		case 0: /* the store has it a while before it is told; meanwhile nobody relies on it
			 */
			if (to_tell) {
				tell(w, waiting);
				to_tell = false;
			} else if (w->count < 6000) {
				waiting = id("lobby", user, next++);
				store(w, waiting);
				to_tell = true;
			}
			break;
		case 1:
			if (is_open[r])
				give(w, &open[r]);
			is_open[r] = false;
			break;
		default:
			k = id("lobby", user, rand() % (next + 200));
			if (known_absent(w->known, key_bytes(&k))) {
				absent++;
				if (stored(w, k) && !(to_tell && compare(&k, &waiting) == 0))
					fail_msg("%.*s is stored", (int)k.len, k.data);
			} else if (!is_open[r] &&
				   known_asked(w->known, key_bytes(&k), &open[r].r)) {
				see(w, &open[r]);
				is_open[r] = true;
			}
		}
	}
	assert_in_range(absent, 1000, ROUNDS);
	free(open);
	finish(w);
}

/* A reading that began for somebody who was forgotten meanwhile says nothing about who is noted
 * now. */
static void test_known_a_reading_of_who_was_forgotten(void **state)
{
	struct world *w = make(40000);
	struct reading g;
	struct key k = id("lobby", "alice", -1);
	int others = 0;

	(void)state;
	for (int i = 0; i < 2 * KNOWN_STEP - 10; i++)
		store(w, id("lobby", "alice", i));
	for (int i = 0; i < 4; i++) /* half of them are read */
		if (known_asked(w->known, key_bytes(&k), &g.r)) {
			see(w, &g);
			if (i == 2)
				give(w, &g);
		}
	assert_true(g.all);
	while (others < 300) { /* others take her place */
		struct key other = id("other", "bob", 0);
		char name[8];

		snprintf(name, sizeof(name), "o%d", others++);
		other = id(name, "bob", 0);
		ask(w, other);
	}
	ask(w, k);
	give(w, &g);
	assert_false(known_absent(w->known, key_bytes(&k)));
	for (int i = 0; i < 2 * KNOWN_STEP - 10; i++)
		assert_true(ask(w, id("lobby", "alice", i)));
	finish(w);
}

/* One with too many ids is asked for every time, and takes nothing from the others. */
static void test_known_too_many(void **state)
{
	struct world *w = make(64 << 10);
	int asked;

	(void)state;
	for (int i = 0; i < 5000; i++)
		store(w, id("lobby", "bot", i));
	for (int i = 0; i < 10; i++)
		assert_false(ask(w, id("lobby", "alice", i)));
	for (int i = 0; i < 100; i++)
		assert_false(ask(w, id("lobby", "bot", -1 - i)));
	asked = w->asked;
	for (int i = 0; i < 100; i++) {
		assert_false(ask(w, id("lobby", "bot", -200 - i)));
		assert_false(ask(w, id("lobby", "alice", 100 + i)));
	}
	assert_int_equal(w->asked - asked, 100);
	for (int i = 0; i < 5000; i++)
		assert_true(ask(w, id("lobby", "bot", i)));
	finish(w);
}

static void test_known_other_keys(void **state)
{
	struct known *k = known_create(1 << 16);
	struct known_reading r;

	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_false(known_asked(k, text("k\5lobby\3bob"), &r));
		assert_false(known_absent(k, text("k\5lobby\3bob")));
		assert_false(known_asked(k, text("d\5lobby\377bob"), &r));
		assert_false(known_absent(k, text("d\5lobby\377bob")));
		assert_false(known_asked(k, text(""), &r));
	}
	known_begin(k);
	known_written(k, text("d\5"));
	known_written(k, text(""));
	known_end(k);
	known_destroy(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_after_a_few_questions),
		cmocka_unit_test(test_known_in_steps),
		cmocka_unit_test(test_known_is_never_wrong),
		cmocka_unit_test(test_known_a_reading_of_who_was_forgotten),
		cmocka_unit_test(test_known_too_many),
		cmocka_unit_test(test_known_other_keys),
	};

	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests_name("known", tests, NULL, NULL);
}
