/* SPDX-License-Identifier: Apache-2.0
 * Access to registers: MMIO(base + offset), with the constants of soc.h. */
#ifndef ASICFLOW_MMIO_H
#define ASICFLOW_MMIO_H

#include <stdbool.h>
#include <stdint.h>

#include "soc.h"

#define MMIO(address) (*(volatile uint32_t *)(address))

#endif
