/* SPDX-License-Identifier: Apache-2.0
 *
 * Serves inferences. The host finds the mailbox by its symbols: it writes the elements of mailbox_x and then
 * another number into mailbox_request; when mailbox_reply has that number, mailbox_y is the result. */
#include "accel.h"
#include "cortex_m.h"
#include "image.h"
#include "mmio.h"
#include "stdio.h"

#define MAILBOX __attribute__((section(".mailbox"), used))

MAILBOX volatile uint32_t mailbox_request;
MAILBOX volatile uint32_t mailbox_reply;
MAILBOX volatile uint32_t mailbox_cycles;  /* of the engine */
MAILBOX volatile uint32_t mailbox_elapsed; /* from seeing the request to the reply, in processor cycles */
MAILBOX volatile uint32_t mailbox_y[ACCEL_N_OUT];
MAILBOX volatile accel_in_t mailbox_x[ACCEL_N_IN];

int main(void) {
    uint32_t served = 0;
    mailbox_request = mailbox_reply = 0;
    if (!accel_matches()) {
        MMIO(SYSCTRL_BASE + SYSCTRL_SCRATCH_OFFSET) = PROGRAM_OTHER_MODEL_CODE;
        put_text("infer: the chip has another network\n");
        return 1;
    }
    SYST_RVR = 0xFFFFFF;
    SYST_CSR = 5; /* counts down with the processor's clock, no interrupt */
    put_text("infer: ready\n");
    for (;;) {
        const uint32_t request = mailbox_request;
        if (request == served) continue;
        SYST_CVR = 0; /* any write clears it: the count starts again from the top */
        mailbox_cycles = accel_infer(mailbox_x, mailbox_y);
        mailbox_elapsed = 0xFFFFFF - SYST_CVR;
        mailbox_reply = served = request;
    }
}
