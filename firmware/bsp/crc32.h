/* SPDX-License-Identifier: Apache-2.0
 * CRC-32 of IEEE 802.3 (reflected, polynomial 0xEDB88320): crc = CRC32_START, the words, then ^ CRC32_END. */
#ifndef ASICFLOW_CRC32_H
#define ASICFLOW_CRC32_H

#include <stdint.h>

#define CRC32_START 0xFFFFFFFFu
#define CRC32_END 0xFFFFFFFFu

static inline uint32_t crc32_word(uint32_t crc, uint32_t word) {
    crc ^= word;
    for (int bit = 0; bit < 32; ++bit) crc = crc >> 1 ^ (0xEDB88320u & (0u - (crc & 1)));
    return crc;
}

#endif
