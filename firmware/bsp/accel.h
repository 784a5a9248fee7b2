/* SPDX-License-Identifier: Apache-2.0
 * Driver of the accelerator. */
#ifndef ASICFLOW_ACCEL_H
#define ASICFLOW_ACCEL_H

#include <stdbool.h>
#include <stdint.h>

#include "soc.h"

#define ACCEL_N_IN ACCEL_SOCKET_INPUT_BUFFER_ENTRIES
#define ACCEL_N_OUT ACCEL_SOCKET_OUTPUT_BUFFER_ENTRIES

/* The smallest type that holds an input element. */
#if ACCEL_SOCKET_IN_FORMAT_WIDTH_VALUE <= 8
typedef uint8_t accel_in_t;
#elif ACCEL_SOCKET_IN_FORMAT_WIDTH_VALUE <= 16
typedef uint16_t accel_in_t;
#else
typedef uint32_t accel_in_t;
#endif

/* True when the network in the chip is the one this program was built for. */
bool accel_matches(void);

/* True when the weights are in place, always where they are constants. Without them no inference starts. */
bool accel_loaded(void);

/* Writes an image of reloadable weights: at most as many words as the chip takes (more are a bus error), and their
 * CRC-32. True when it is whole and arrived intact. */
bool accel_load(const uint32_t *words, uint32_t count, uint32_t crc);

/* One inference, the result as 32-bit integers of the model's output format. Sleeps meanwhile. Returns the engine's
 * clock cycles. */
uint32_t accel_infer(const volatile accel_in_t *x, volatile uint32_t *y);

#endif
