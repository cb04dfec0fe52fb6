/* name.c — see name_class.h for the idea: one pass over a name, one AND of classes. */
#include "name.h"

#include <string.h>

#include "name_class.h"

#define LOWER  (CLASS_FIRST | CLASS_USER | CLASS_GROUP | CLASS_DEVICE | CLASS_METHOD)
#define DIGIT  (CLASS_FIRST | CLASS_USER | CLASS_GROUP | CLASS_DEVICE)
#define MARK   (CLASS_USER | CLASS_GROUP | CLASS_DEVICE)
#define LETTER CLASS_DEVICE

// clang-format off
const unsigned char name_classes[256] = {
	['\0'] = CLASS_END, ['/'] = CLASS_END, [':'] = CLASS_END,
	['a'] = LOWER, ['b'] = LOWER, ['c'] = LOWER, ['d'] = LOWER, ['e'] = LOWER, ['f'] = LOWER,
	['g'] = LOWER, ['h'] = LOWER, ['i'] = LOWER, ['j'] = LOWER, ['k'] = LOWER, ['l'] = LOWER,
	['m'] = LOWER, ['n'] = LOWER, ['o'] = LOWER, ['p'] = LOWER, ['q'] = LOWER, ['r'] = LOWER,
	['s'] = LOWER, ['t'] = LOWER, ['u'] = LOWER, ['v'] = LOWER, ['w'] = LOWER, ['x'] = LOWER,
	['y'] = LOWER, ['z'] = LOWER,
	['0'] = DIGIT, ['1'] = DIGIT, ['2'] = DIGIT, ['3'] = DIGIT, ['4'] = DIGIT, ['5'] = DIGIT,
	['6'] = DIGIT, ['7'] = DIGIT, ['8'] = DIGIT, ['9'] = DIGIT,
	['-'] = MARK, ['_'] = MARK, ['.'] = CLASS_USER | CLASS_METHOD,
	['A'] = LETTER, ['B'] = LETTER, ['C'] = LETTER, ['D'] = LETTER, ['E'] = LETTER,
	['F'] = LETTER, ['G'] = LETTER, ['H'] = LETTER, ['I'] = LETTER, ['J'] = LETTER,
	['K'] = LETTER, ['L'] = LETTER, ['M'] = LETTER, ['N'] = LETTER, ['O'] = LETTER,
	['P'] = LETTER, ['Q'] = LETTER, ['R'] = LETTER, ['S'] = LETTER, ['T'] = LETTER,
	['U'] = LETTER, ['V'] = LETTER, ['W'] = LETTER, ['X'] = LETTER, ['Y'] = LETTER,
	['Z'] = LETTER,
};
// clang-format on

/* The bytes of s up to len or the first ':'. A name too long for any kind is not read. */
static struct name_part part_of(const char *s, size_t len)
{
	struct name_part p = {s, 0, ~0u};

	if (len > NAME_CHAT_MAX)
		return (struct name_part){s, len, 0};
	while (p.len < len && s[p.len] != ':')
		p.all &= name_class(s[p.len++]);
	return p;
}

bool name_user_ok(const char *s, size_t len)
{
	struct name_part p = part_of(s, len);

	return p.len == len && part_is_user(p);
}

bool name_device_ok(const char *s, size_t len)
{
	struct name_part p = part_of(s, len);

	return p.len == len && part_is_device(p);
}

bool name_group_ok(const char *s, size_t len)
{
	struct name_part p = part_of(s, len);

	return p.len == len && part_is_group(p);
}

bool name_method_ok(const char *s, size_t len)
{
	struct name_part p = part_of(s, len);

	return p.len == len && part_is_method(p);
}

/* Byte order, and a prefix before what it begins: "a" < "a.b". */
static int compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

	return order ? order : (a_len > b_len) - (a_len < b_len);
}

bool parts_are_pair(struct name_part a, struct name_part b)
{
	return part_is_user(a) && part_is_user(b) && compare(a.s, a.len, b.s, b.len) < 0;
}

enum chat_kind name_chat_kind(const char *s, size_t len, size_t *split)
{
	struct name_part a = part_of(s, len), b;
	size_t unused;

	if (!split)
		split = &unused;
	*split = 0;
	if (a.len == len)
		return part_is_group(a) ? CHAT_GROUP : CHAT_NONE;
	b = part_of(s + a.len + 1, len - a.len - 1);
	if (a.len + 1 + b.len != len || !parts_are_pair(a, b))
		return CHAT_NONE;
	*split = a.len;
	return CHAT_PAIR;
}

size_t name_pair(char out[NAME_CHAT_MAX + 1], const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b);
	int order;

	out[0] = '\0';
	if (!name_user_ok(a, a_len) || !name_user_ok(b, b_len))
		return 0;
	order = compare(a, a_len, b, b_len);
	if (order == 0)
		return 0;
	if (order > 0) {
		const char *s = a;
		size_t len = a_len;

		a = b, a_len = b_len;
		b = s, b_len = len;
	}
	memcpy(out, a, a_len);
	out[a_len] = ':';
	memcpy(out + a_len + 1, b, b_len + 1);
	return a_len + 1 + b_len;
}

bool name_client_split(
	const char *client, const char *user, char device[NAME_DEVICE_MAX + 1], bool *ephemeral)
{
	size_t len = strnlen(client, NAME_CLIENT_MAX + 1), user_len;
	const char *colon = memchr(client, ':', len);

	device[0] = '\0';
	*ephemeral = !colon;
	if (len == 0 || len > NAME_CLIENT_MAX || client[0] == '$')
		return false;
	if (!colon) {
		len = len < NAME_DEVICE_MAX ? len : NAME_DEVICE_MAX;
		for (size_t i = 0; i < len; i++)
			device[i] = name_class(client[i]) & CLASS_DEVICE ? client[i] : '_';
		device[len] = '\0';
		return true;
	}
	user_len = (size_t)(colon - client);
	len -= user_len + 1;
	if (strncmp(client, user, user_len) != 0 || user[user_len] != '\0' ||
		!name_user_ok(client, user_len) || !name_device_ok(colon + 1, len))
		return false;
	memcpy(device, colon + 1, len + 1);
	return true;
}

struct bytes name_pair_other(struct bytes chat, struct bytes user)
{
	size_t split;
	struct bytes a, b;

	if (name_chat_kind(chat.data, chat.len, &split) != CHAT_PAIR)
		return (struct bytes){NULL, 0};
	a = (struct bytes){chat.data, split};
	b = (struct bytes){chat.data + split + 1, chat.len - split - 1};
	if (bytes_equal(a, user.data, user.len))
		return b;
	return bytes_equal(b, user.data, user.len) ? a : (struct bytes){NULL, 0};
}
