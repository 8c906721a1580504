// The context switch for AArch64 (AAPCS64).
//
// A call keeps x19-x30, sp and the low halves of v8-v15; a switch keeps just those. FPCR stays as
// it is: threads share the modes of their kernel thread.
#if defined(__aarch64__)

        .text

// Says to whoever unwinds where a pair of registers is kept, in a context of 160 bytes that ends
// at the call frame.
        .macro PAIR_IS_KEPT first, second, place
        .cfi_offset \first, \place - 160
        .cfi_offset \second, \place - 152
        .endm

        .macro CONTEXT_IS_KEPT
        PAIR_IS_KEPT x19, x20, 0
        PAIR_IS_KEPT x21, x22, 16
        PAIR_IS_KEPT x23, x24, 32
        PAIR_IS_KEPT x25, x26, 48
        PAIR_IS_KEPT x27, x28, 64
        PAIR_IS_KEPT x29, x30, 80
        PAIR_IS_KEPT d8, d9, 96
        PAIR_IS_KEPT d10, d11, 112
        PAIR_IS_KEPT d12, d13, 128
        PAIR_IS_KEPT d14, d15, 144
        .endm

// Puts what a context consists of on the stack, and stores its place in *x0.
        .macro KEEP_CONTEXT
        sub     sp, sp, #160
        .cfi_def_cfa_offset 160
        stp     x19, x20, [sp, #0]
        stp     x21, x22, [sp, #16]
        stp     x23, x24, [sp, #32]
        stp     x25, x26, [sp, #48]
        stp     x27, x28, [sp, #64]
        stp     x29, x30, [sp, #80]
        stp     d8, d9, [sp, #96]
        stp     d10, d11, [sp, #112]
        stp     d12, d13, [sp, #128]
        stp     d14, d15, [sp, #144]
        CONTEXT_IS_KEPT
        mov     x9, sp
        str     x9, [x0]
        .endm

        .macro RESTORE_PAIR first, second, place
        ldp     \first, \second, [sp, #\place]
        .cfi_restore \first
        .cfi_restore \second
        .endm

// Takes it from the stack.
        .macro RESTORE_CONTEXT
        RESTORE_PAIR x19, x20, 0
        RESTORE_PAIR x21, x22, 16
        RESTORE_PAIR x23, x24, 32
        RESTORE_PAIR x25, x26, 48
        RESTORE_PAIR x27, x28, 64
        RESTORE_PAIR x29, x30, 80
        RESTORE_PAIR d8, d9, 96
        RESTORE_PAIR d10, d11, 112
        RESTORE_PAIR d12, d13, 128
        RESTORE_PAIR d14, d15, 144
        add     sp, sp, #160
        .cfi_def_cfa_offset 0
        .endm

// void spindle_switch_context(void** from_sp /* x0 */, void* to_sp /* x1 */)
//
// The frame is the same on both stacks, so that the call frame information holds before and after
// the stack pointer moves.
        .globl  spindle_switch_context
        .type   spindle_switch_context, %function
        .p2align 4
spindle_switch_context:
        .cfi_startproc
        KEEP_CONTEXT
        mov     sp, x1
        RESTORE_CONTEXT
        ret
        .cfi_endproc
        .size   spindle_switch_context, .-spindle_switch_context

// void spindle_enter_context(void** from_sp /* x0 */, void* top /* x1 */, void (*f)() /* x2 */)
//
// Goes to a new stack. It leaves the same frame behind as spindle_switch_context.
        .globl  spindle_enter_context
        .type   spindle_enter_context, %function
        .p2align 4
spindle_enter_context:
        .cfi_startproc
        KEEP_CONTEXT
        mov     sp, x1
        .cfi_undefined x30
        mov     x29, xzr
        mov     x30, xzr
        blr     x2
        brk     #0
        .cfi_endproc
        .size   spindle_enter_context, .-spindle_enter_context

// void spindle_leave_context(void* to_sp /* x0 */)
//
// Goes on with another context and leaves nothing behind.
        .globl  spindle_leave_context
        .type   spindle_leave_context, %function
        .p2align 4
spindle_leave_context:
        .cfi_startproc
        .cfi_def_cfa x0, 160
        CONTEXT_IS_KEPT
        mov     sp, x0
        .cfi_def_cfa sp, 160
        RESTORE_CONTEXT
        ret
        .cfi_endproc
        .size   spindle_leave_context, .-spindle_leave_context

// void spindle_call_below(void* sp /* x0 */, void (*function)(void*) /* x1 */, void* /* x2 */)
//
// Calls the function on the present stack, with call frame information that says that the caller is
// the context left at sp: an unwinder that starts in the function goes on there.
        .globl  spindle_call_below
        .type   spindle_call_below, %function
        .p2align 4
spindle_call_below:
        .cfi_startproc
        stp     x19, x30, [sp, #-16]!
        .cfi_def_cfa_offset 16
        .cfi_offset x19, -16
        .cfi_offset x30, -8
        mov     x19, x0
        mov     x0, x2
        .cfi_remember_state
        .cfi_def_cfa x19, 160
        CONTEXT_IS_KEPT
        blr     x1
        .cfi_restore_state
        ldp     x19, x30, [sp], #16
        .cfi_def_cfa_offset 0
        .cfi_restore x19
        .cfi_restore x30
        ret
        .cfi_endproc
        .size   spindle_call_below, .-spindle_call_below

#endif
        .section .note.GNU-stack, "", %progbits
