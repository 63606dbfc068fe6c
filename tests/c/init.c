/* init.c - the first process of an emulated Linux: runs `/bits avx512`, then turns the power off.
 */
#include <sys/reboot.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

int main(void)
{
    const pid_t child = fork();
    if (child == 0) {
        execl("/bits", "bits", "avx512", (char *)0);
    } else {
        waitpid(child, NULL, 0);
        tcdrain(STDOUT_FILENO);
        reboot(RB_POWER_OFF);
    }
    return 1;
}
