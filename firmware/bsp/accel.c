/* SPDX-License-Identifier: Apache-2.0 */
#include "accel.h"

#include "cortex_m.h"
#include "mmio.h"

bool accel_matches(void) {
    return MMIO(ACCEL_BASE + ACCEL_SOCKET_ID_OFFSET) == ACCEL_SOCKET_ID_MAGIC_VALUE &&
           MMIO(ACCEL_BASE + ACCEL_SOCKET_MODEL_HASH_OFFSET) == ACCEL_SOCKET_MODEL_HASH_HASH_VALUE;
}

bool accel_loaded(void) { return MMIO(ACCEL_BASE + ACCEL_SOCKET_STATUS_OFFSET) & ACCEL_SOCKET_STATUS_LOADED_MASK; }

bool accel_load(const uint32_t *words, uint32_t count, uint32_t crc) {
    MMIO(ACCEL_BASE + ACCEL_SOCKET_CTRL_OFFSET) = ACCEL_SOCKET_CTRL_LOAD_MASK;
    for (uint32_t k = 0; k < count; ++k) MMIO(ACCEL_BASE + ACCEL_SOCKET_WEIGHT_PORT_OFFSET) = words[k];
    return accel_loaded() && MMIO(ACCEL_BASE + ACCEL_SOCKET_WEIGHTS_CRC_OFFSET) == crc;
}

uint32_t accel_infer(const volatile accel_in_t *x, volatile uint32_t *y) {
    for (uint32_t i = 0; i < ACCEL_N_IN; ++i) MMIO(ACCEL_BASE + ACCEL_SOCKET_INPUT_BUFFER_OFFSET + 4 * i) = x[i];
    interrupts_off(); /* an interrupt that is pending wakes WFI all the same, and no handler is needed */
    NVIC_ISER = 1u << ACCEL_IRQ;
    MMIO(ACCEL_BASE + ACCEL_SOCKET_CTRL_OFFSET) = ACCEL_SOCKET_CTRL_START_MASK | ACCEL_SOCKET_CTRL_IRQ_ENABLE_MASK;
    while (!(MMIO(ACCEL_BASE + ACCEL_SOCKET_STATUS_OFFSET) & ACCEL_SOCKET_STATUS_DONE_MASK)) wait_for_interrupt();
    MMIO(ACCEL_BASE + ACCEL_SOCKET_STATUS_OFFSET) = ACCEL_SOCKET_STATUS_DONE_MASK;
    NVIC_ICER = 1u << ACCEL_IRQ;
    NVIC_ICPR = 1u << ACCEL_IRQ;
    interrupts_on();
    for (uint32_t j = 0; j < ACCEL_N_OUT; ++j) y[j] = MMIO(ACCEL_BASE + ACCEL_SOCKET_OUTPUT_BUFFER_OFFSET + 4 * j);
    return MMIO(ACCEL_BASE + ACCEL_SOCKET_CYCLES_OFFSET);
}
