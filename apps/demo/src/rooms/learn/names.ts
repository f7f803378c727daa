/** The filters' names, as keys of the dictionary. */
export const filterNames = ['filterRed', 'filterBlue', 'filterTop', 'filterSlant'] as const;
