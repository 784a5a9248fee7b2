/* SPDX-License-Identifier: Apache-2.0
 * Vectors and first instructions of the boot ROM. */
    .syntax unified
    .cpu cortex-m0
    .thumb

    .section .vectors, "a"
    .word __stack_top
    .word start
    .word fault             /* NMI: nothing enables the watchdog before a program does */
    .word fault

    .section .text.start, "ax"
    .thumb_func
    .global start
start:                      /* the program's only variables are its .bss */
    ldr r0, =__bss_start
    ldr r1, =__bss_end
    movs r2, #0
0:  cmp r0, r1
    bhs 1f
    stmia r0!, {r2}
    b 0b
1:  bl boot
    b .                     /* boot does not return */

    .thumb_func
fault:                      /* leave the exception into fault_recover */
    ldr r0, =__stack_top
    subs r0, #32
    mov sp, r0
    ldr r1, =fault_recover
    str r1, [r0, #24]       /* return address */
    movs r1, #1
    lsls r1, r1, #24
    str r1, [r0, #28]       /* xPSR: Thumb state */
    bx lr

    .thumb_func
    .global jump
jump:                       /* r0: stack pointer, r1: address with bit 0 set */
    msr msp, r0
    bx r1
