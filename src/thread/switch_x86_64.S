// The context switch for x86-64 (System V ABI).
//
// A call may clobber every register but rbx, rbp, r12-r15 and rsp, so those are all that a switch
// has to keep. MXCSR and the x87 control word stay as they are: threads share the modes of their
// kernel thread. Signal masks too: keeping them apart would cost a system call a switch.
#if defined(__x86_64__)

        .text

// void spindle_switch_context(void** from_sp /* rdi */, void* to_sp /* rsi */)
//
// The frame is the same on both stacks, so that the call frame information holds before and after
// the stack pointer moves. It returns: threads that switch to and fro at the same place then keep
// the return predictor right.
        .globl  spindle_switch_context
        .type   spindle_switch_context, @function
        .p2align 4
spindle_switch_context:
        .cfi_startproc
        pushq   %rbp
        .cfi_def_cfa_offset 16
        .cfi_offset %rbp, -16
        pushq   %rbx
        .cfi_def_cfa_offset 24
        .cfi_offset %rbx, -24
        pushq   %r12
        .cfi_def_cfa_offset 32
        .cfi_offset %r12, -32
        pushq   %r13
        .cfi_def_cfa_offset 40
        .cfi_offset %r13, -40
        pushq   %r14
        .cfi_def_cfa_offset 48
        .cfi_offset %r14, -48
        pushq   %r15
        .cfi_def_cfa_offset 56
        .cfi_offset %r15, -56
        movq    %rsp, (%rdi)
        movq    %rsi, %rsp
        popq    %r15
        .cfi_def_cfa_offset 48
        .cfi_restore %r15
        popq    %r14
        .cfi_def_cfa_offset 40
        .cfi_restore %r14
        popq    %r13
        .cfi_def_cfa_offset 32
        .cfi_restore %r13
        popq    %r12
        .cfi_def_cfa_offset 24
        .cfi_restore %r12
        popq    %rbx
        .cfi_def_cfa_offset 16
        .cfi_restore %rbx
        popq    %rbp
        .cfi_def_cfa_offset 8
        .cfi_restore %rbp
        ret
        .cfi_endproc
        .size   spindle_switch_context, .-spindle_switch_context

// void spindle_enter_context(void** from_sp /* rdi */, void* top /* rsi */, void (*f)() /* rdx */)
//
// Goes to a new stack. The frame left behind is the one that spindle_switch_context leaves. The
// function finds 0 for its return address: there unwinding ends.
        .globl  spindle_enter_context
        .type   spindle_enter_context, @function
        .p2align 4
spindle_enter_context:
        .cfi_startproc
        pushq   %rbp
        .cfi_def_cfa_offset 16
        .cfi_offset %rbp, -16
        pushq   %rbx
        .cfi_def_cfa_offset 24
        .cfi_offset %rbx, -24
        pushq   %r12
        .cfi_def_cfa_offset 32
        .cfi_offset %r12, -32
        pushq   %r13
        .cfi_def_cfa_offset 40
        .cfi_offset %r13, -40
        pushq   %r14
        .cfi_def_cfa_offset 48
        .cfi_offset %r14, -48
        pushq   %r15
        .cfi_def_cfa_offset 56
        .cfi_offset %r15, -56
        movq    %rsp, (%rdi)
        movq    %rsi, %rsp
        .cfi_undefined %rip
        xorl    %ebp, %ebp
        pushq   $0
        jmp     *%rdx
        .cfi_endproc
        .size   spindle_enter_context, .-spindle_enter_context

// void spindle_leave_context(void* to_sp /* rdi */)
//
// Goes on with another context and leaves nothing behind. To be jumped to: entered without a call
// and left without one, a short thread keeps the return predictor in step with the thread that
// waits for it.
        .globl  spindle_leave_context
        .type   spindle_leave_context, @function
        .p2align 4
spindle_leave_context:
        .cfi_startproc
        .cfi_def_cfa %rdi, 56
        .cfi_offset %rbp, -16
        .cfi_offset %rbx, -24
        .cfi_offset %r12, -32
        .cfi_offset %r13, -40
        .cfi_offset %r14, -48
        .cfi_offset %r15, -56
        movq    %rdi, %rsp
        .cfi_def_cfa %rsp, 56
        popq    %r15
        .cfi_def_cfa_offset 48
        .cfi_restore %r15
        popq    %r14
        .cfi_def_cfa_offset 40
        .cfi_restore %r14
        popq    %r13
        .cfi_def_cfa_offset 32
        .cfi_restore %r13
        popq    %r12
        .cfi_def_cfa_offset 24
        .cfi_restore %r12
        popq    %rbx
        .cfi_def_cfa_offset 16
        .cfi_restore %rbx
        popq    %rbp
        .cfi_def_cfa_offset 8
        .cfi_restore %rbp
        ret
        .cfi_endproc
        .size   spindle_leave_context, .-spindle_leave_context

// void spindle_call_below(void* sp /* rdi */, void (*function)(void*) /* rsi */, void* /* rdx */)
//
// Calls the function on the present stack, with call frame information that says that the caller is
// the context left at sp: an unwinder that starts in the function goes on there.
        .globl  spindle_call_below
        .type   spindle_call_below, @function
        .p2align 4
spindle_call_below:
        .cfi_startproc
        pushq   %rbx
        .cfi_def_cfa_offset 16
        .cfi_offset %rbx, -16
        movq    %rdi, %rbx
        movq    %rdx, %rdi
        .cfi_remember_state
        .cfi_def_cfa %rbx, 56
        .cfi_offset %rbp, -16
        .cfi_offset %rbx, -24
        .cfi_offset %r12, -32
        .cfi_offset %r13, -40
        .cfi_offset %r14, -48
        .cfi_offset %r15, -56
        call    *%rsi
        .cfi_restore_state
        popq    %rbx
        .cfi_def_cfa_offset 8
        .cfi_restore %rbx
        ret
        .cfi_endproc
        .size   spindle_call_below, .-spindle_call_below

#endif
        .section .note.GNU-stack, "", %progbits
