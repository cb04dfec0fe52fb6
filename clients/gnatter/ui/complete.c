/* complete.c — see complete.h. */
#include "complete.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int lower(char c)
{
	return tolower((unsigned char)c);
}

/* A part begins behind what is no letter and no digit. */
static bool part_begins_so(const char *word, const char *name)
{
	size_t n = strlen(word);

	for (const char *at = name; *at; at++) {
		if (at > name && !isalnum((unsigned char)at[-1]) && (at[-1] & 0x80) == 0 &&
			strncasecmp(at, word, n) == 0)
			return true;
	}
	return false;
}

static bool in_order(const char *word, const char *name)
{
	for (; *word && *name; name++) {
		if (lower(*word) == lower(*name))
			word++;
	}
	return *word == '\0';
}

int complete_rank(const char *word, const char *name)
{
	size_t n = strlen(word);

	if (strncmp(word, name, n) == 0)
		return 0;
	if (strncasecmp(word, name, n) == 0)
		return 1;
	if (part_begins_so(word, name))
		return 2;
	return in_order(word, name) ? 3 : -1;
}

void complete_end(struct complete *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->names[i].name);
	c->n = c->next = 0;
	c->active = false;
}

void complete_begin(struct complete *c, const char *word, size_t len, size_t begin)
{
	complete_end(c);
	if (len >= sizeof c->word)
		len = sizeof c->word - 1;
	memcpy(c->word, word, len);
	c->word[len] = '\0';
	c->begin = begin;
}

static bool known(const struct complete *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++) {
		if (strcmp(c->names[i].name, name) == 0)
			return true;
	}
	return false;
}

/* Behind those that fit as well, which were offered earlier. */
void complete_offer(struct complete *c, const char *name)
{
	int rank = complete_rank(c->word, name);
	size_t at = c->n;
	char *copy;

	if (rank < 0 || strlen(name) >= COMPLETE_NAME_MAX || known(c, name))
		return;
	while (at > 0 && c->names[at - 1].rank > rank)
		at--;
	if (at == COMPLETE_MAX)
		return;
	copy = strdup(name);
	if (!copy)
		return;
	if (c->n == COMPLETE_MAX)
		free(c->names[--c->n].name);
	memmove(&c->names[at + 1], &c->names[at], (c->n - at) * sizeof *c->names);
	c->names[at] = (struct complete_name){copy, rank};
	c->n++;
}

const char *complete_next(struct complete *c)
{
	const char *name;

	if (c->n == 0)
		return NULL;
	name = c->names[c->next].name;
	c->next = (c->next + 1) % c->n;
	c->active = true;
	return name;
}
