/* lmdb_check.c
 *
 * The format of LMDB 0.9 on a 64-bit little-endian machine (mdb.c, "Page layout"):
 *
 *   page 0, 1   header, then the meta: u32 magic, u32 version, u64 address, u64 map size,
 *               db free, db main, u64 last page, u64 transaction; the newer of the two counts
 *   header      u64 page number, u16 pad, u16 flags, u16 lower, u16 upper (overflow: u32 pages)
 *   branch      after the header u16 offsets of the nodes, up to `lower`; nodes from `upper` on
 *   and leaf
 *   node        u16 low, u16 high, u16 flags, u16 key size, key, data
 *               leaf: data size is low | high << 16; with BIG the data is the page number of an
 *               overflow run; with SUB it is the db record of a named database
 *               branch: child page is low | high << 16 | flags << 32
 *   db          u32 page size (in free), u16 flags, u16 depth, u64 branch, leaf, overflow pages,
 *               u64 entries, u64 root (all ones: empty)
 *   free        key: u64 transaction; data: u64 count, that many u64 page numbers
 *
 * Each page may be reached once: a bitmap tells, which also ends any loop.
 */
#include "persist/lmdb_check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC        0xBEEFC0DEu
#define VERSION      1u
#define HEADER       16u
#define META_SIZE    136u
#define NODE_HEADER  8u
#define DB_SIZE      48u
#define KEY_SIZE_MAX 511u
#define PAGE_MIN     256u
#define PAGE_MAX     32768u
#define DEPTH_MAX    32u
#define NO_PAGE      UINT64_MAX

enum { BRANCH = 0x01, LEAF = 0x02, OVERFLOW_RUN = 0x04, META = 0x08, DIRTY = 0x10 };
enum { NODE_BIG = 0x01, NODE_SUB = 0x02, NODE_DUP = 0x04 };
enum { DB_INTEGER_KEY = 0x08 };

enum kind { FREE_DB, MAIN_DB, NAMED_DB };

struct db {
	enum kind kind;
	uint16_t flags, depth;
	uint64_t branches, leaves, overflow, entries; /* in the walk: those still expected */
	uint64_t root;
	bool holds_schema;
};

struct meta {
	uint32_t page_size;
	struct db free, main;
	uint64_t last_page, txnid;
};

struct check {
	struct lmdb_check *request;
	int fd;
	uint64_t file_size;
	struct meta meta;
	unsigned char *seen; /* a bit a page */
	unsigned char
		taken[PAGE_MAX / 2]; /* for one page at a time: which pairs of bytes are in use */
	bool skip_leaves;
	uint64_t names_found; /* a bit a name */
	char *what;
	size_t what_size;
};

__attribute__((format(printf, 2, 3))) static enum err damaged(struct check *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(c->what, c->what_size, fmt, args);
	va_end(args);
	return ERR_CORRUPT;
}

/* ---- bytes and pages --------------------------------------------------------------------- */

static uint16_t u16_at(const char *p)
{
	struct reader r = reader_of(p, 2);

	return read_u16(&r);
}

static uint32_t u32_at(const char *p)
{
	struct reader r = reader_of(p, 4);

	return read_u32(&r);
}

static uint64_t u64_at(const char *p)
{
	struct reader r = reader_of(p, 8);

	return read_u64(&r);
}

static enum err read_at(struct check *c, void *out, size_t len, uint64_t offset)
{
	size_t done = 0;

	if (len > c->file_size || offset > c->file_size - len)
		return damaged(c, "it is cut off at byte %" PRIu64, c->file_size);
	while (done < len) {
		ssize_t got = pread(c->fd, (char *)out + done, len - done, (off_t)(offset + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			snprintf(c->what, c->what_size, "%s", got ? strerror(errno) : "it shrank");
			return ERR_IO;
		}
		done += (size_t)got;
	}
	return ERR_OK;
}

/* Note that a run of pages is reached; each page may be once only. */
static enum err reach(struct check *c, uint64_t page, uint64_t count)
{
	if (page < 2 || page > c->meta.last_page || count > c->meta.last_page - page + 1)
		return damaged(c, "page %" PRIu64 " is out of range", page);
	for (uint64_t p = page; p < page + count; p++) {
		unsigned char bit = (unsigned char)(1u << (p & 7));

		if (c->seen[p >> 3] & bit)
			return damaged(c, "page %" PRIu64 " has two uses", p);
		c->seen[p >> 3] |= bit;
	}
	return ERR_OK;
}

/* ---- the metas --------------------------------------------------------------------------- */

static void db_decode(struct db *db, enum kind kind, const char *p)
{
	*db = (struct db){
		.kind = kind,
		.flags = u16_at(p + 4),
		.depth = u16_at(p + 6),
		.branches = u64_at(p + 8),
		.leaves = u64_at(p + 16),
		.overflow = u64_at(p + 24),
		.entries = u64_at(p + 32),
		.root = u64_at(p + 40),
	};
}

static enum err read_meta(struct check *c, uint64_t offset, struct meta *m)
{
	char page[HEADER + META_SIZE];
	const char *p = page + HEADER;
	enum err e = read_at(c, page, sizeof(page), offset);

	if (e != ERR_OK)
		return e;
	if (!(u16_at(page + 10) & META) || u32_at(p) != MAGIC)
		return damaged(c, "it is no LMDB file");
	if (u32_at(p + 4) != VERSION)
		return damaged(
			c, "it is of LMDB format %" PRIu32 ", not %u", u32_at(p + 4), VERSION);
	m->page_size = u32_at(p + 24);
	db_decode(&m->free, FREE_DB, p + 24);
	db_decode(&m->main, MAIN_DB, p + 24 + DB_SIZE);
	m->last_page = u64_at(p + 24 + 2 * DB_SIZE);
	m->txnid = u64_at(p + 32 + 2 * DB_SIZE);
	if (m->page_size < PAGE_MIN || m->page_size > PAGE_MAX ||
		(m->page_size & (m->page_size - 1)))
		return damaged(c, "its page size is %" PRIu32, m->page_size);
	return ERR_OK;
}

static enum err pick_meta(struct check *c, uint64_t txnid)
{
	struct meta metas[2];
	const struct meta *m;
	enum err e = read_meta(c, 0, &metas[0]);

	if (e == ERR_OK)
		e = read_meta(c, metas[0].page_size, &metas[1]);
	if (e != ERR_OK)
		return e;
	m = &metas[txnid ? txnid & 1 : metas[0].txnid < metas[1].txnid];
	/* The file may end before the last page while that is a free one, but not by more than the
	 * free ones; a number out of all proportion would only make the bitmap huge. */
	if (metas[0].page_size != metas[1].page_size || m->last_page < 1 ||
		m->last_page / 64 > c->file_size / m->page_size)
		return damaged(c, "its header says %" PRIu64 " pages; it has %" PRIu64,
			m->last_page, c->file_size / m->page_size);
	c->meta = *m;
	return ERR_OK;
}

/* ---- nodes ------------------------------------------------------------------------------- */

struct node {
	struct bytes key;
	uint16_t flags;
	uint32_t data_size; /* of a leaf's */
	const char *data;
	uint64_t child; /* of a branch's */
	size_t size;    /* of all of it */
};

static enum err bad_page(struct check *c, uint64_t page)
{
	return damaged(c, "page %" PRIu64 " is broken", page);
}

/* Node i of a page whose header is sound. False if it reaches out of the page. */
static bool node_at(const struct check *c, const char *page, size_t i, bool leaf, struct node *n)
{
	const size_t page_size = c->meta.page_size, at = u16_at(page + HEADER + 2 * i);
	const char *p = page + at;

	if (at < u16_at(page + 14) || at > page_size - NODE_HEADER || (at & 1))
		return false;
	n->flags = u16_at(p + 4);
	n->key = (struct bytes){p + NODE_HEADER, u16_at(p + 6)};
	n->data_size = (uint32_t)u16_at(p) | (uint32_t)u16_at(p + 2) << 16;
	n->data = n->key.data + n->key.len;
	n->child = (uint64_t)n->data_size | (uint64_t)n->flags << 32;
	n->size = NODE_HEADER + n->key.len;
	if (leaf)
		n->size += n->flags & NODE_BIG ? 8 : n->data_size;
	return n->key.len <= KEY_SIZE_MAX && n->size <= page_size - at && (!leaf || n->key.len > 0);
}

/* Keys rise strictly; those of the list of free pages as numbers. */
static bool rises(const struct db *db, struct bytes a, struct bytes b)
{
	int order;

	if (db->kind == FREE_DB)
		return a.len == 8 && b.len == 8 && u64_at(a.data) < u64_at(b.data);
	order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);
	return order < 0 || (order == 0 && a.len < b.len);
}

/* ---- values ------------------------------------------------------------------------------ */

static enum err check_free_list(struct check *c, const char *data, size_t size)
{
	uint64_t count = size >= 8 ? u64_at(data) : UINT64_MAX;

	if (count > (size - 8) / 8)
		return damaged(c, "its list of free pages is broken");
	for (uint64_t i = 0; i < count; i++) {
		enum err e = reach(c, u64_at(data + 8 + 8 * i), 1);

		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

static enum err walk(struct check *c, struct db *db);

static enum err check_named(struct check *c, const struct node *n)
{
	const char *const *names = c->request->names;
	struct db db;

	db_decode(&db, NAMED_DB, n->data);
	if (db.flags != 0)
		return damaged(c, "a database in it is of a foreign kind");
	db.holds_schema = bytes_equal(n->key, c->request->schema_db, strlen(c->request->schema_db));
	for (size_t i = 0; names[i]; i++)
		if (bytes_equal(n->key, names[i], strlen(names[i])))
			c->names_found |= (uint64_t)1 << i;
	return walk(c, &db);
}

static enum err check_value(
	struct check *c, const struct db *db, const struct node *n, const char *data)
{
	struct lmdb_check *req = c->request;

	if (db->kind == FREE_DB)
		return check_free_list(c, data, n->data_size);
	if (db->kind == MAIN_DB)
		return n->flags == NODE_SUB && n->data_size == DB_SIZE
			       ? check_named(c, n)
			       : damaged(c, "it holds something other than named databases");
	if (db->holds_schema && bytes_equal(n->key, req->schema_key, strlen(req->schema_key)) &&
		n->data_size <= sizeof(req->schema)) {
		memcpy(req->schema, data, n->data_size);
		req->schema_len = n->data_size;
	}
	return ERR_OK;
}

/* A value on pages of its own, a few too many if a longer one was there before. Its bytes are read
 * only where they mean something to LMDB. */
static enum err check_big(struct check *c, struct db *db, const struct node *n)
{
	uint64_t page = u64_at(n->data), pages;
	char header[HEADER], *data;
	enum err e;

	if (page > c->meta.last_page)
		return damaged(c, "page %" PRIu64 " is out of range", page);
	e = read_at(c, header, sizeof(header), page * c->meta.page_size);
	if (e != ERR_OK)
		return e;
	pages = u32_at(header + 12);
	if (u64_at(header) != page || (u16_at(header + 10) & ~DIRTY) != OVERFLOW_RUN ||
		pages < (HEADER - 1u + (uint64_t)n->data_size) / c->meta.page_size + 1)
		return bad_page(c, page);
	db->overflow -= pages;
	e = reach(c, page, pages);
	if (e == ERR_OK && (page + pages) * c->meta.page_size > c->file_size)
		return damaged(c, "it is cut off at byte %" PRIu64, c->file_size);
	if (e != ERR_OK || db->kind == NAMED_DB)
		return e;
	data = malloc(n->data_size ? n->data_size : 1);
	if (!data) {
		snprintf(c->what, c->what_size, "out of memory");
		return ERR_NOMEM;
	}
	e = read_at(c, data, n->data_size, page * c->meta.page_size + HEADER);
	if (e == ERR_OK)
		e = check_value(c, db, n, data);
	free(data);
	return e;
}

/* ---- trees ------------------------------------------------------------------------------- */

static enum err walk_page(struct check *c, struct db *db, uint64_t page, unsigned depth);

static enum err check_node(struct check *c, struct db *db, const struct node *n, unsigned depth)
{
	if (depth > 1)
		return walk_page(c, db, n->child, depth - 1);
	db->entries--;
	if (n->flags & NODE_DUP || n->flags > (NODE_BIG | NODE_SUB) ||
		(n->flags & NODE_SUB && db->kind != MAIN_DB))
		return damaged(c, "a database in it is of a foreign kind");
	return n->flags & NODE_BIG ? check_big(c, db, n) : check_value(c, db, n, n->data);
}

/* Do nodes lie in the page as LMDB packs them: from `upper` to the end, no gap, no overlap? It
 * relies on that when it moves them. */
static bool tile(struct check *c, const char *page, size_t count, bool leaf)
{
	const size_t size = c->meta.page_size, upper = u16_at(page + 14);
	size_t total = 0;

	memset(c->taken, 0, size / 2);
	for (size_t i = 0; i < count; i++) {
		struct node n;
		size_t at, len;

		if (!node_at(c, page, i, leaf, &n))
			return false;
		at = u16_at(page + HEADER + 2 * i);
		len = (n.size + 1) & ~(size_t)1;
		if (at + len > size || memchr(c->taken + at / 2, 1, len / 2))
			return false;
		memset(c->taken + at / 2, 1, len / 2);
		total += len;
	}
	return total == size - upper;
}

static bool in_order(
	const struct check *c, const struct db *db, const char *page, size_t count, bool leaf)
{
	struct node n, before = {0};

	/* A branch's first key is never looked at, and mostly empty. */
	for (size_t i = leaf ? 0 : 1; i < count; i++) {
		node_at(c, page, i, leaf, &n);
		if (i > (leaf ? 0u : 1u) && !rises(db, before.key, n.key))
			return false;
		before = n;
	}
	return true;
}

static enum err check_page(
	struct check *c, struct db *db, const char *data, uint64_t page, unsigned depth)
{
	const bool leaf = depth == 1;
	const size_t lower = u16_at(data + 12), upper = u16_at(data + 14);
	const size_t count = lower / 2 - HEADER / 2;
	enum err e = ERR_OK;

	if (u64_at(data) != page || (u16_at(data + 10) & ~DIRTY) != (leaf ? LEAF : BRANCH) ||
		lower <= HEADER || (lower & 1) || lower > upper || upper > c->meta.page_size ||
		(!leaf && count < 2 && db->kind != FREE_DB) || !tile(c, data, count, leaf) ||
		!in_order(c, db, data, count, leaf))
		return bad_page(c, page);
	for (size_t i = 0; i < count && e == ERR_OK; i++) {
		struct node n;

		node_at(c, data, i, leaf, &n);
		e = check_node(c, db, &n, depth);
	}
	return e;
}

/* The page at a height of `depth` over the ground, where 1 is a leaf. */
static enum err walk_page(struct check *c, struct db *db, uint64_t page, unsigned depth)
{
	const size_t size = c->meta.page_size;
	enum err e = reach(c, page, 1);
	char *data;

	if (e != ERR_OK)
		return e;
	--*(depth == 1 ? &db->leaves : &db->branches);
	if (depth == 1 && c->skip_leaves && db->kind == NAMED_DB && !db->holds_schema)
		return (page + 1) * size <= c->file_size
			       ? ERR_OK
			       : damaged(c, "it is cut off at byte %" PRIu64, c->file_size);
	data = malloc(size);
	if (!data) {
		snprintf(c->what, c->what_size, "out of memory");
		return ERR_NOMEM;
	}
	e = read_at(c, data, size, page * size);
	if (e == ERR_OK)
		e = check_page(c, db, data, page, depth);
	free(data);
	return e;
}

static enum err walk(struct check *c, struct db *db)
{
	enum err e;

	if (db->root != NO_PAGE) {
		if (db->depth == 0 || db->depth > DEPTH_MAX)
			return damaged(c, "a database is %u pages deep", db->depth);
		e = walk_page(c, db, db->root, db->depth);
		if (e != ERR_OK)
			return e;
	}
	if (db->branches || db->leaves || (!c->skip_leaves && (db->overflow || db->entries)))
		return damaged(c, "a database has not as many pages or entries as it says");
	return ERR_OK;
}

static enum err check_names(struct check *c)
{
	const char *const *names = c->request->names;

	for (size_t i = 0; names[i]; i++)
		if (!(c->names_found >> i & 1))
			return damaged(c, "it has no database '%s'", names[i]);
	return ERR_OK;
}

/* Begin: the file's size and its metas. */
static enum err begin(struct check *c, uint64_t txnid)
{
	struct stat st;

	if (fstat(c->fd, &st) != 0) {
		snprintf(c->what, c->what_size, "%s", strerror(errno));
		return ERR_IO;
	}
	c->file_size = (uint64_t)st.st_size;
	return pick_meta(c, txnid);
}

enum err lmdb_check_head(int fd, char *what, size_t what_size)
{
	struct check c = {.fd = fd, .what = what, .what_size = what_size};

	return begin(&c, 0);
}

enum err lmdb_check(
	struct lmdb_check *request, int fd, uint64_t txnid, char *what, size_t what_size)
{
	struct check c = {.request = request, .fd = fd, .what = what, .what_size = what_size};
	enum err e = begin(&c, txnid);

	request->schema_len = 0;
	if (e != ERR_OK)
		return e;
	c.skip_leaves = c.meta.last_page >= LMDB_CHECK_PAGES_MAX;
	c.seen = calloc(c.meta.last_page / 8 + 1, 1);
	if (!c.seen) {
		snprintf(what, what_size, "out of memory");
		return ERR_NOMEM;
	}
	e = walk(&c, &c.meta.main);
	if (e == ERR_OK)
		e = check_names(&c);
	if (e == ERR_OK)
		e = walk(&c, &c.meta.free);
	free(c.seen);
	return e;
}
