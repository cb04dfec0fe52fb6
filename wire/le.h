/* le.h — little-endian numbers in bytes, for the codecs. Compilers make one move of each. */
#ifndef GNATTER_WIRE_LE_H
#define GNATTER_WIRE_LE_H

#include <stdint.h>

static inline void le_put16(char *p, uint16_t v)
{
	for (unsigned i = 0; i < 2; i++)
		p[i] = (char)(v >> (8 * i));
}

static inline void le_put32(char *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (char)(v >> (8 * i));
}

static inline void le_put64(char *p, uint64_t v)
{
	for (unsigned i = 0; i < 8; i++)
		p[i] = (char)(v >> (8 * i));
}

static inline uint16_t le_get16(const char *p)
{
	return (uint16_t)((unsigned char)p[0] | (unsigned)(unsigned char)p[1] << 8);
}

static inline uint32_t le_get32(const char *p)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < 4; i++)
		v |= (uint32_t)(unsigned char)p[i] << (8 * i);
	return v;
}

static inline uint64_t le_get64(const char *p)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 8; i++)
		v |= (uint64_t)(unsigned char)p[i] << (8 * i);
	return v;
}

#endif
