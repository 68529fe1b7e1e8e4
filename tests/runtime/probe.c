/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fastest client there can be: no libc, no start-up code, alone in its image. Its first system
 * calls ask 169.254.170.2 for what the environment variable named by its first argument says (a
 * path or a whole URL); it prints the reply and exits 0 if that is a 200, else with the number of
 * the step that failed. It tries once.
 */
#if defined(__x86_64__)
#define SYS_write 1
#define SYS_read 0
#define SYS_socket 41
#define SYS_connect 42
#define SYS_exit 60
__asm__(".globl _start\n_start:\n mov %rsp, %rdi\n and $-16, %rsp\n call probe\n");

static long
call(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}
#elif defined(__aarch64__)
#define SYS_write 64
#define SYS_read 63
#define SYS_socket 198
#define SYS_connect 203
#define SYS_exit 93
__asm__(".globl _start\n_start:\n mov x0, sp\n bl probe\n");

static long
call(long number, long a, long b, long c)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
	return x0;
}
#endif

struct address {
	unsigned short family;
	unsigned char port[2];
	unsigned char ip[4];
	unsigned char zero[8];
};

static char text[65536];

static void
leave(int code)
{
	(void)call(SYS_exit, code, 0, 0);
	__builtin_unreachable();
}

static unsigned long
append(unsigned long n, const char *s)
{
	while (*s != '\0')
		text[n++] = *s++;
	return n;
}

/* The path of NAME=http://host/path or NAME=/path. */
static const char *
path_of(char **env, const char *name)
{
	for (; *env != (char *)0; env++) {
		const char *at = *env, *wanted = name;

		while (*wanted != '\0' && *at == *wanted) {
			at++;
			wanted++;
		}
		if (*wanted != '\0' || *at != '=')
			continue;
		at++;
		if (*at == 'h')
			for (int slashes = 0; *at != '\0' && (slashes += *at == '/') < 3;)
				at++;
		return at;
	}
	return (const char *)0;
}

__attribute__((used, noreturn)) void
probe(long *stack)
{
	struct address to = { .family = 2, .port = { 0, 80 }, .ip = { 169, 254, 170, 2 } };
	char **argv = (char **)(stack + 1);
	const char *path = path_of(argv + stack[0] + 1, argv[1]);
	unsigned long n = 0;
	long fd, got;

	if (path == (const char *)0)
		leave(2);
	fd = call(SYS_socket, 2, 1, 0);
	if (call(SYS_connect, fd, (long)&to, sizeof(to)) < 0)
		leave(3);
	n = append(append(append(n, "GET "), path),
	    " HTTP/1.1\r\nHost: 169.254.170.2\r\nConnection: close\r\n\r\n");
	if (call(SYS_write, fd, (long)text, (long)n) != (long)n)
		leave(4);
	for (n = 0; n < sizeof(text); n += (unsigned long)got) {
		got = call(SYS_read, fd, (long)(text + n), (long)(sizeof(text) - n));
		if (got < 0)
			leave(5);
		if (got == 0)
			break;
	}
	(void)call(SYS_write, 1, (long)text, (long)n);
	leave(n > 12 && text[9] == '2' && text[10] == '0' && text[11] == '0' ? 0 : 6);
}
