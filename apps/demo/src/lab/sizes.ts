/** Height and width of the pictures. Apart, so that the page needs no model code to know it. */
export const SIDE = 64;
