/* mapping.h — give mapped pages of a file back to the system.
 *
 * What a process has looked at in a mapped file counts as its memory until the system wants the
 * page for something else. A program that looks all over a large file once, and then is quiet, need
 * not keep them: they stay in the system's cache, and the next look at one takes some 0.5 us more.
 */
#ifndef GNATTER_WIRE_MAPPING_H
#define GNATTER_WIRE_MAPPING_H

/* Let go of all pages of the file behind fd that this process has mapped shared. Contents, and what
 * was written to them, stay as they are (madvise(2), MADV_DONTNEED on a shared mapping), also for
 * threads that look at them meanwhile. Takes some 100 us: it reads /proc/self/maps. Does nothing
 * where that cannot be read. Any thread. */
void mapping_relieve(int fd);

#endif
