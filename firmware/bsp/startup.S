/* SPDX-License-Identifier: Apache-2.0
 * Vectors and start of a program. A program that defines irq_N or an exception's handler gets it; every other
 * one ends in unexpected_handler, which leaves its number in SCRATCH. */
    .syntax unified
    .cpu cortex-m0
    .thumb

    .macro handler name
    .weak \name
    .thumb_set \name, unexpected_handler
    .word \name
    .endm

    .section .vectors, "a"
    .global vectors
vectors:
    .word __stack_top
    .word reset_handler
    handler nmi_handler
    handler hard_fault_handler
    .word 0, 0, 0, 0, 0, 0, 0
    handler svc_handler
    .word 0, 0
    handler pendsv_handler
    handler systick_handler
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    handler irq_\n
    .endr

    .section .text.start, "ax"
    .thumb_func
    .global reset_handler
reset_handler:
    ldr r0, =__data_start
    ldr r1, =__data_end
    ldr r2, =__data_load
0:  cmp r0, r1
    bhs 1f
    ldmia r2!, {r3}
    stmia r0!, {r3}
    b 0b
1:  ldr r0, =__bss_start
    ldr r1, =__bss_end
    movs r2, #0
2:  cmp r0, r1
    bhs 3f
    stmia r0!, {r2}
    b 2b
3:  bl main
    b .

    .thumb_func
    .global unexpected_handler
unexpected_handler:
    mrs r0, ipsr
    bl unexpected
    b .
