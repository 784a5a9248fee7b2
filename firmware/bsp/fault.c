/* SPDX-License-Identifier: Apache-2.0 */
#include "image.h"
#include "mmio.h"
#include "stdio.h"

void unexpected(uint32_t exception);

/* An exception without a handler: leave its number where the host finds it. */
void unexpected(uint32_t exception) {
    MMIO(SYSCTRL_BASE + SYSCTRL_SCRATCH_OFFSET) = PROGRAM_FAULT_CODE | exception;
    put_text("exception ");
    put_hex(exception);
    put_text("\n");
}
