export function byScheme(sheet: string): { rest: string; dark: string; light: string };
