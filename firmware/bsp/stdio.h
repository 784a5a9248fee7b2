/* SPDX-License-Identifier: Apache-2.0
 * Characters to the host through the debug port. */
#ifndef ASICFLOW_STDIO_H
#define ASICFLOW_STDIO_H

#include <stdint.h>

/* Send a character. Waits until the port takes it, but not forever: after one time out the text is dropped,
 * because a dead host must not stop the program. */
void put_char(char c);
void put_text(const char *text);
void put_hex(uint32_t value); /* eight digits */

#endif
