/** Where the page is: the paths of all that it asks begin so, whatever stands above it. */

export const here = location.pathname.replace(/\/$/, "");
