// The context switch for x86-64 (System V ABI).
//
// A call may clobber every register but rbx, rbp, r12-r15 and rsp, so those are all that a switch
// has to keep. MXCSR and the x87 control word stay as they are: threads share the modes of their
// kernel thread. Signal masks too: keeping them apart would cost a system call a switch.
//
// These are entered by a jump from the middle of functions (context.h), with the address to go on
// at in rax, and left by a jump: a return in another thread than its call would always be
// mispredicted. Those functions may use the 128 bytes below their stack pointer, the red zone. A
// context consists of, from its stack pointer up: r15, r14, r13, r12, rbx, rbp, the address, the
// red zone.
#if defined(__x86_64__)

        .text

        .macro PUSH_KEPT register, depth
        pushq   \register
        .cfi_def_cfa_offset \depth
        .cfi_offset \register, -\depth
        .endm

// Pushes what a context consists of, and stores its place in *rdi.
        .macro KEEP_CONTEXT
        .cfi_def_cfa %rsp, 0
        .cfi_register %rip, %rax
        leaq    -128(%rsp), %rsp
        .cfi_def_cfa_offset 128
        pushq   %rax
        .cfi_def_cfa_offset 136
        .cfi_offset %rip, -136
        PUSH_KEPT %rbp, 144
        PUSH_KEPT %rbx, 152
        PUSH_KEPT %r12, 160
        PUSH_KEPT %r13, 168
        PUSH_KEPT %r14, 176
        PUSH_KEPT %r15, 184
        movq    %rsp, (%rdi)
        .endm

        .macro POP_KEPT register, depth
        popq    \register
        .cfi_def_cfa_offset \depth
        .cfi_restore \register
        .endm

// Pops it; rax is the address to go on at.
        .macro RESTORE_CONTEXT
        POP_KEPT %r15, 176
        POP_KEPT %r14, 168
        POP_KEPT %r13, 160
        POP_KEPT %r12, 152
        POP_KEPT %rbx, 144
        POP_KEPT %rbp, 136
        popq    %rax
        .cfi_def_cfa_offset 128
        .cfi_register %rip, %rax
        leaq    128(%rsp), %rsp
        .cfi_def_cfa_offset 0
        .endm

// from: void** /* rdi */, to: void* /* rsi */, go on at: /* rax */
//
// The frame is the same on both stacks, so that the call frame information holds before and after
// the stack pointer moves.
        .globl  spindle_switch_context
        .type   spindle_switch_context, @function
        .p2align 4
spindle_switch_context:
        .cfi_startproc
        KEEP_CONTEXT
        movq    %rsi, %rsp
        RESTORE_CONTEXT
        jmp     *%rax
        .cfi_endproc
        .size   spindle_switch_context, .-spindle_switch_context

// from: void** /* rdi */, top: void* /* rsi */, f: void (*)() /* rdx */, go on at: /* rax */
//
// Goes to a new stack. It leaves the same frame behind as spindle_switch_context. The function
// finds 0 as its return address: there unwinding ends.
        .globl  spindle_enter_context
        .type   spindle_enter_context, @function
        .p2align 4
spindle_enter_context:
        .cfi_startproc
        KEEP_CONTEXT
        movq    %rsi, %rsp
        .cfi_undefined %rip
        xorl    %ebp, %ebp
        pushq   $0
        jmp     *%rdx
        .cfi_endproc
        .size   spindle_enter_context, .-spindle_enter_context

// to: void* /* rdi */
//
// Goes on with another context and leaves nothing behind.
        .globl  spindle_leave_context
        .type   spindle_leave_context, @function
        .p2align 4
spindle_leave_context:
        .cfi_startproc
        .cfi_def_cfa %rdi, 184
        .cfi_offset %rip, -136
        .cfi_offset %rbp, -144
        .cfi_offset %rbx, -152
        .cfi_offset %r12, -160
        .cfi_offset %r13, -168
        .cfi_offset %r14, -176
        .cfi_offset %r15, -184
        movq    %rdi, %rsp
        .cfi_def_cfa %rsp, 184
        RESTORE_CONTEXT
        jmp     *%rax
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
        .cfi_def_cfa %rbx, 184
        .cfi_offset %rip, -136
        .cfi_offset %rbp, -144
        .cfi_offset %rbx, -152
        .cfi_offset %r12, -160
        .cfi_offset %r13, -168
        .cfi_offset %r14, -176
        .cfi_offset %r15, -184
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
