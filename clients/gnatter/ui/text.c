/* text.c — see text.h. Clusters follow the rules of Unicode's annex 29 as far as chats need them:
 * marks, joined emoji, flags, CR LF. */
#include "text.h"

#include <wchar.h>

#define ZWNJ     0x200c
#define ZWJ      0x200d
#define LRM      0x200e
#define RLM      0x200f
#define KEYCAP   0x20e3
#define VS_FIRST 0xfe00
#define VS_LAST  0xfe0f

/* A cell of curses holds one character and four marks; the last place is for an isolate. */
#define MARKS_MAX 3

struct range {
	uint32_t first, last;
};

static bool within(const struct range *r, size_t n, uint32_t c)
{
	for (size_t i = 0; i < n; i++) {
		if (c >= r[i].first && c <= r[i].last)
			return true;
	}
	return false;
}

#define WITHIN(table, c) within(table, sizeof table / sizeof *table, c)

/* What reorders, what commands, what has no meaning in a text. */
static const struct range banned[] = {
	{0x0000, 0x001f},
	{0x007f, 0x009f},
	{0x2028, 0x202e},
	{0x2066, 0x206f},
	{0xd800, 0xdfff},
	{0xfff9, 0xfffb},
	{0xfffe, 0xffff},
};

/* What is there without being seen, and can be left out. */
static const struct range unseen[] = {
	{0x00ad, 0x00ad},
	{0x034f, 0x034f},
	{0x061c, 0x061c},
	{0x180b, 0x180f},
	{0x200b, 0x200f},
	{0x2060, 0x2065},
	{0xfe00, 0xfe0f},
	{0xfeff, 0xfeff},
	{0x1bca0, 0x1bca3},
	{0xe0000, 0xe0fff},
};

static const struct range pictographs[] = {
	{0x00a9, 0x00a9},
	{0x00ae, 0x00ae},
	{0x203c, 0x203c},
	{0x2049, 0x2049},
	{0x2122, 0x2122},
	{0x2139, 0x2139},
	{0x2190, 0x21ff},
	{0x2300, 0x23ff},
	{0x24c2, 0x24c2},
	{0x25a0, 0x27bf},
	{0x2900, 0x297f},
	{0x2b00, 0x2bff},
	{0x3030, 0x3030},
	{0x303d, 0x303d},
	{0x3297, 0x3299},
	{0x1f000, 0x1faff},
};

static const struct range rtl[] = {
	{0x0590, 0x08ff},
	{RLM, RLM},
	{0xfb1d, 0xfdff},
	{0xfe70, 0xfefe},
	{0x10800, 0x10fff},
	{0x1e800, 0x1efff},
};

static bool is_skin(uint32_t c)
{
	return c >= 0x1f3fb && c <= 0x1f3ff;
}

static bool is_flag(uint32_t c)
{
	return c >= 0x1f1e6 && c <= 0x1f1ff;
}

bool text_pictograph(uint32_t c)
{
	return WITHIN(pictographs, c) && !is_flag(c) && !is_skin(c);
}

static int columns(uint32_t c)
{
	return wcwidth((wchar_t)c);
}

/* Belongs to what stands before it. */
static bool extends(uint32_t c)
{
	if (c < 0x80 || WITHIN(banned, c))
		return false;
	return is_skin(c) || WITHIN(unseen, c) || columns(c) == 0;
}

static unsigned sequence_size(unsigned char lead)
{
	if (lead < 0x80)
		return 1;
	if (lead >= 0xc2 && lead <= 0xdf)
		return 2;
	if (lead >= 0xe0 && lead <= 0xef)
		return 3;
	return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

uint32_t text_decode(const char *s, size_t len, size_t *size)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned n = sequence_size((unsigned char)*s);
	uint32_t c = (unsigned char)*s;

	*size = 1;
	if (n == 1)
		return c;
	if (n == 0 || n > len)
		return TEXT_REPLACEMENT;
	c &= 0xffu >> (n + 1);
	for (unsigned i = 1; i < n; i++) {
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return TEXT_REPLACEMENT;
		c = c << 6 | ((unsigned char)s[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return TEXT_REPLACEMENT;
	*size = n;
	return c;
}

size_t text_cluster(const char *s, size_t len)
{
	size_t at, size;
	uint32_t first, last;

	if (len == 0)
		return 0;
	first = last = text_decode(s, len, &at);
	if (first < 0x20 || first == 0x7f)
		return first == '\r' && len > 1 && s[1] == '\n' ? 2 : 1;
	while (at < len) {
		uint32_t c = text_decode(s + at, len - at, &size);
		bool joined = last == ZWJ && text_pictograph(c) && text_pictograph(first);
		bool second_flag = is_flag(first) && is_flag(c) && last == first && at == 4;

		if (!extends(c) && !joined && !second_flag)
			break;
		last = c;
		at += size;
	}
	return at;
}

size_t text_cluster_before(const char *s, size_t at)
{
	size_t from = at > 256 ? at - 256 : 0, next;

	for (size_t i = at - 1; i > from; i--) {
		if (s[i - 1] == '\n')
			from = i;
	}
	while (from > 0 && from < at - 1 && ((unsigned char)s[from] & 0xc0) == 0x80)
		from++;
	while ((next = from + text_cluster(s + from, at - from)) < at)
		from = next;
	return from;
}

static void put(struct buf *out, uint32_t c)
{
	char s[4];
	size_t n = 1;

	if (!out)
		return;
	if (c < 0x80) {
		s[0] = (char)c;
	} else if (c < 0x800) {
		s[0] = (char)(0xc0 | c >> 6);
		n = 2;
	} else if (c < 0x10000) {
		s[0] = (char)(0xe0 | c >> 12);
		n = 3;
	} else {
		s[0] = (char)(0xf0 | c >> 18);
		n = 4;
	}
	for (size_t i = 1; i < n; i++)
		s[i] = (char)(0x80 | (c >> (6 * (n - 1 - i)) & 0x3f));
	buf_put(out, s, n);
}

/* What takes columns. */
static unsigned show_base(struct buf *out, uint32_t c)
{
	int w;

	if (c == '\n' || c == '\r')
		c = ' ';
	w = WITHIN(banned, c) ? -1 : columns(c);
	if (w <= 0) {
		c = TEXT_REPLACEMENT;
		w = 1;
	}
	put(out, c);
	return (unsigned)w;
}

static bool mark_is_shown(uint32_t c, bool after_pictograph)
{
	if (is_skin(c) || WITHIN(banned, c))
		return false;
	if (c == ZWNJ || c == ZWJ || c == LRM || c == RLM)
		return !after_pictograph;
	return !WITHIN(unseen, c);
}

static unsigned show_tab(struct buf *out)
{
	for (unsigned i = 0; i < TEXT_TAB_WIDTH; i++)
		put(out, ' ');
	return TEXT_TAB_WIDTH;
}

/* A mark that begins a text has nothing to stand on. */
static unsigned show_stray(struct buf *out, uint32_t c)
{
	if (is_skin(c))
		return show_base(out, c);
	if (WITHIN(unseen, c))
		return 0;
	put(out, 0x25cc);
	put(out, c);
	return 1;
}

unsigned text_show(struct buf *out, const char *s, size_t len)
{
	size_t at, size;
	unsigned width, marks = 0;
	uint32_t base;

	if (len == 0)
		return 0;
	if (*s == '\t')
		return show_tab(out);
	base = text_decode(s, len, &at);
	if (base == '\r' && at < len)
		at = len;
	width = extends(base) ? show_stray(out, base) : show_base(out, base);
	for (; at < len; at += size) {
		uint32_t c = text_decode(s + at, len - at, &size);
		bool picture = text_pictograph(base);

		if (!extends(c)) {
			width += show_base(out, c);
			marks = 0;
			base = c;
		} else if (width > 0 && marks < MARKS_MAX && mark_is_shown(c, picture)) {
			put(out, c);
			marks++;
		}
	}
	return width;
}

unsigned text_show_all(struct buf *out, const char *s, size_t len)
{
	unsigned width = 0;

	for (size_t at = 0, n; at < len; at += n) {
		n = text_cluster(s + at, len - at);
		width += text_show(out, s + at, n);
	}
	return width;
}

bool text_rtl(const char *s, size_t len)
{
	for (size_t at = 0, size; at < len; at += size) {
		if (WITHIN(rtl, text_decode(s + at, len - at, &size)))
			return true;
	}
	return false;
}
