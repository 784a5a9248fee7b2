/* SPDX-License-Identifier: Apache-2.0
 * What the compiler calls by itself for structures and arrays. */
#include <stddef.h>

void *memset(void *to, int value, size_t bytes);
void *memcpy(void *restrict to, const void *restrict from, size_t bytes);

void *memset(void *to, int value, size_t bytes) {
    for (unsigned char *p = to; bytes; --bytes) *p++ = (unsigned char)value;
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t bytes) {
    const unsigned char *source = from;
    for (unsigned char *p = to; bytes; --bytes) *p++ = *source++;
    return to;
}
