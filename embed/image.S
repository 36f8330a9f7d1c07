/* image.S - the std image, read-only, page-aligned, touched only where used. IMAGE_FILE is set by
 * the Makefile. */
    .section .rodata.gol_image, "a", @progbits
    .globl image_start
    .hidden image_start
    .balign 4096
image_start:
    .incbin IMAGE_FILE
image_end:
    .byte 0
    .balign 8
    .globl image_size
    .hidden image_size
image_size:
    .quad image_end - image_start
    .section .note.GNU-stack, "", @progbits
