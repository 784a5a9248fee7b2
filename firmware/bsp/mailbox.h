/* SPDX-License-Identifier: Apache-2.0
 * Frames of the host, which it uploads into memory, and the answers that it reads there. frame.h has the layout. */
#ifndef ASICFLOW_MAILBOX_H
#define ASICFLOW_MAILBOX_H

#include <stdint.h>

#include "frame.h"

#define MAILBOX __attribute__((section(".mailbox"), used))

/* CRC-16 of words in the order of their bytes, going on from crc. */
uint32_t crc16_words(uint32_t crc, const volatile uint32_t *words, uint32_t count);

/* Words of a request with a payload of so many bytes, and the place of its tail. */
#define REQUEST_WORDS(bytes) (((bytes) + 3u) / 4u + 2u)
#define REQUEST_TAIL(bytes) (REQUEST_WORDS(bytes) - 1u)

/* The sequence number of the request that lies in the mailbox. */
static inline uint32_t request_sequence(const volatile uint32_t *request, uint32_t bytes) {
    return request[REQUEST_TAIL(bytes)] >> 24;
}

/* FRAME_DONE when the request is whole, else what is wrong with it. */
uint32_t request_check(const volatile uint32_t *request, uint32_t bytes);

/* Complete an answer of so many words, head included: the head is written last, so the host sees all or nothing. */
void answer(volatile uint32_t *words, uint32_t count, uint32_t sequence, uint32_t status);

#endif
