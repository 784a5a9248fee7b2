/* SPDX-License-Identifier: Apache-2.0 */
#include "stdio.h"

#include <stdbool.h>

#include "mmio.h"

/* Looks at STATUS before a character is given up. A wrapped character at 1200 baud and 50 MHz takes about
 * 1.25 million cycles; a look takes eight. */
#define PATIENCE 200000u

static bool silent;

void put_char(char c) {
    for (uint32_t left = PATIENCE; MMIO(STDIO_BASE + APB_STDIO_STATUS_OFFSET) & APB_STDIO_STATUS_FULL_MASK; --left) {
        if (silent || left == 0) {
            silent = true;
            return;
        }
    }
    silent = false;
    MMIO(STDIO_BASE + APB_STDIO_DATA_OFFSET) = (uint8_t)c;
}

void put_text(const char *text) {
    while (*text) put_char(*text++);
}

void put_hex(uint32_t value) {
    for (int shift = 28; shift >= 0; shift -= 4) put_char("0123456789ABCDEF"[value >> shift & 15]);
}
