/* SPDX-License-Identifier: Apache-2.0 */
#include "march.h"

#include "mmio.h"

static void check(struct march_result *result, uint32_t address, uint32_t expected) {
    const uint32_t found = MMIO(address);
    if (found == expected) return;
    if (result->errors++ == 0) {
        result->address = address;
        result->expected = expected;
        result->found = found;
    }
}

/* One element: read and compare, then write the complement, word by word. */
static void element(struct march_result *result, uint32_t first, uint32_t end, uint32_t expected, int32_t step) {
    const uint32_t start = step > 0 ? first : end - 4;
    for (uint32_t k = 0, address = start; k < end - first; k += 4, address += (uint32_t)step) {
        check(result, address, expected);
        MMIO(address) = ~expected;
    }
}

void march(struct march_result *result, uint32_t first, uint32_t end, uint32_t plant) {
    for (uint32_t address = first; address < end; address += 4) MMIO(address) = 0;
    element(result, first, end, 0, 4);
    if (plant >= first && plant < end) MMIO(plant) ^= 1;
    element(result, first, end, ~0u, 4);
    element(result, first, end, 0, -4);
    element(result, first, end, ~0u, -4);
    for (uint32_t address = first; address < end; address += 4) check(result, address, 0);
    result->words += (end - first) / 4;
}
