/* SPDX-License-Identifier: Apache-2.0 */
#include "mailbox.h"

/* A byte without a table: the CRC is in the upper half, message bits that come next are added below it. x collects
 * what the eight bits shifted out feed back through x^16 + x^12 + x^5 + 1. */
static inline __attribute__((always_inline)) uint32_t crc16_step(uint32_t state) {
    uint32_t x = state >> 24;
    x ^= x >> 4;
    return state << 8 ^ x << 28 ^ x << 21 ^ x << 16;
}

uint32_t crc16_words(uint32_t crc, const volatile uint32_t *words, uint32_t count) {
    uint32_t state = crc << 16;
    while (count--) {
        state ^= __builtin_bswap32(*words++);
        state = crc16_step(crc16_step(crc16_step(crc16_step(state))));
    }
    return state >> 16;
}

uint32_t request_check(const volatile uint32_t *request, uint32_t bytes) {
    const uint32_t tail = request[REQUEST_TAIL(bytes)], head = request[0];
    if (crc16_words(FRAME_CRC_START, request, REQUEST_TAIL(bytes)) != (tail & 0xFFFFu)) return FRAME_BAD_CRC;
    return head == (bytes | (tail & 0xFF000000u)) ? FRAME_DONE : FRAME_BAD_LENGTH;
}

void answer(volatile uint32_t *words, uint32_t count, uint32_t sequence, uint32_t status) {
    const uint32_t head = sequence << 24 | status << 16;
    const uint32_t crc = crc16_words(FRAME_CRC_START, &head, 1);
    words[0] = head | crc16_words(crc, words + 1, count - 1);
}
